/** Something of the API that is asked for again and again while the page is seen. */
import { asProblem, call, type Problem } from "../api/client";

export class Polled<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;
  private asked = 0;

  constructor(
    private readonly path: string,
    private readonly everyMs: number,
  ) {
    document.addEventListener("visibilitychange", this.look);
    void this.ask();
  }

  /** Asks now; an answer to an older question is not shown after a newer one's. */
  async ask(): Promise<void> {
    clearTimeout(this.timer);
    const asked = (this.asked += 1);
    try {
      const value = await call<T>("GET", this.path);
      if (asked !== this.asked || this.closed) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (asked !== this.asked || this.closed) return;
      this.problem = asProblem(error);
    }
    this.timer = setTimeout(this.look, this.everyMs);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.look);
  }

  private readonly look = () => {
    if (document.visibilityState !== "hidden" && !this.closed) void this.ask();
  };
}
