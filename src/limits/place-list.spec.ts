import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { type Place, PlaceList } from './place-list.js';

function newPlace(party: string): Place {
  const request = new IncomingMessage(new Socket());
  return { kind: 'working', party, request, response: new ServerResponse(request) };
}

const partiesOf = (list: PlaceList) =>
  list
    .all()
    .map(({ party }) => party)
    .sort();

describe('PlaceList', () => {
  it('finds the place of a request until it is removed', () => {
    const list = new PlaceList();
    const [one, other] = [newPlace('one'), newPlace('other')];
    list.add(one);
    list.add(other);
    expect(list.of(one.request)).toBe(one);
    list.remove(one);
    expect(list.of(one.request)).toBeUndefined();
    expect(list.all()).toEqual([other]);
  });

  it('contains what was added and not removed, in whatever order', () => {
    const places = Array.from({ length: 7 }, (_, n) => newPlace(`party ${n}`));
    for (let removed = 0; removed < places.length; removed += 1) {
      const list = new PlaceList();
      for (const place of places) list.add(place);
      const gone = [places[removed], places[(removed * 3 + 1) % places.length]];
      for (const place of gone) if (place) list.remove(place);
      for (const place of gone) if (place) list.remove(place);
      const left = places.filter((place) => !gone.includes(place));
      expect(partiesOf(list)).toEqual(left.map(({ party }) => party));
      for (const place of left) list.remove(place);
      expect(list.all()).toEqual([]);
    }
  });
});
