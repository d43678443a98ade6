/** An event of which a waiting request is notified. It is kept until the request waits for it. */
export class Wakeup {
  private raised = false;
  private wake?: () => void;

  raise(): void {
    this.raised = true;
    this.wake?.();
  }

  /**
   * Resolves as soon as the event is raised, at the latest after `ms` milliseconds, with whether it was raised. Then it can
   * be raised again.
   */
  async raisedWithin(ms: number): Promise<boolean> {
    if (!this.raised) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const wasRaised = this.raised;
    this.raised = false;
    return wasRaised;
  }
}
