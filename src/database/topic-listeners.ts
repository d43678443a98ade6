/** Listeners by topic. */
export class TopicListeners {
  private readonly listeners = new Map<string, Set<() => void>>();

  get isEmpty(): boolean {
    return this.listeners.size === 0;
  }

  /** Calls `listener` whenever the topic is woken. Returns the function that ends the subscription. */
  subscribe(topic: string, listener: () => void): () => void {
    const listeners = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(topic) === listeners)
        this.listeners.delete(topic);
    };
  }

  wake(topic: string): void {
    for (const listener of this.listeners.get(topic) ?? []) listener();
  }

  wakeAll(): void {
    for (const topic of this.listeners.keys()) this.wake(topic);
  }
}
