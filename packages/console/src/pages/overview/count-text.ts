/** Returns a count as text: with a plus sign if counting stopped there. */
export function countText(count: number, countedTo: number): string {
  return `${count.toLocaleString('en')}${count >= countedTo ? '+' : ''}`;
}
