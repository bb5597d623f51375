/** An origin for the mocked pages: OME's playback signalling as it was seen on the wire, with the media of the mock's tab. */
import type { Page, WebSocketRoute } from "@playwright/test";
import type { Mock } from "./mock/server.mjs";

interface MediaOrigin {
  offer(open: boolean): Promise<{ id: number; sdp: string }>;
  answer(id: number, sdp: string): Promise<void>;
  candidate(id: number, candidate: RTCIceCandidateInit): Promise<void>;
  end(id: number): void;
  freeze(): void;
}
declare const ome: MediaOrigin;

interface Message {
  command: string;
  sdp?: { sdp: string };
  candidates?: RTCIceCandidateInit[];
}

export class Origin {
  /** Whether somebody pushes. */
  pushed = true;
  /** Whether the way over UDP is open. */
  udp = true;
  /** Addresses that were opened, the oldest first. */
  readonly opened: string[] = [];
  readonly answers: string[] = [];
  private readonly lines = new Map<number, WebSocketRoute>();

  constructor(
    private readonly mock: Mock,
    private readonly media: Page,
  ) {}

  static playback(more: object = {}): object {
    const address = "ome.example/app/aula";
    const sources = [
      { type: "webrtc", url: `wss://${address}?policy=1` },
      { type: "webrtc_tcp", url: `wss://${address}?policy=1&transport=tcp` },
    ];
    return { kind: "origin", stream: "s1", sources, live: true, ...more };
  }

  async serve(page: Page): Promise<void> {
    await page.routeWebSocket(/^wss:\/\/ome\.example\//, (socket) => {
      this.opened.push(socket.url());
      let id = 0;
      let closed = false;
      const say = (message: object) => socket.send(JSON.stringify(message));
      const offer = async () => {
        if (!this.pushed) {
          say({ code: 404, error: "Cannot create offer" });
          return socket.close();
        }
        const open = this.udp || socket.url().includes("transport=tcp");
        const made = await this.media.evaluate((way) => ome.offer(way), open);
        // The page may have gone on meanwhile.
        if (closed) return this.drop(made.id);
        id = made.id;
        this.lines.set(id, socket);
        say({ command: "offer", code: 200, id, peer_id: 0, candidates: [], sdp: { type: "offer", sdp: made.sdp } });
      };
      socket.onMessage((text) => {
        const message = JSON.parse(String(text)) as Message;
        // The page may be gone, and the test with it, before the offer is made.
        if (message.command === "request_offer") return void offer().catch(() => socket.close());
        if (message.command === "answer" && message.sdp) {
          this.answers.push(message.sdp.sdp);
          void this.media.evaluate(([line, sdp]) => ome.answer(Number(line), String(sdp)), [id, message.sdp.sdp]).catch(() => undefined);
          const track = { video: { bitrate: 2_500_000, width: 640, height: 360 } };
          say({ command: "notification", type: "playlist", message: { auto: false, file_name: "webrtc_default", name: "webrtc_default", renditions: [{ name: "default", video_track: track }] } });
          say({ command: "notification", type: "rendition_changed", message: { auto: false, rendition_name: "default" } });
        }
        for (const candidate of message.command === "candidate" ? (message.candidates ?? []) : []) {
          void this.media.evaluate(([line, one]) => ome.candidate(line as number, one as RTCIceCandidateInit), [id, candidate] as const).catch(() => undefined);
        }
      });
      socket.onClose(() => {
        closed = true;
        this.forget(id);
      });
    });
  }

  private forget(id: number): void {
    if (this.lines.delete(id)) this.drop(id);
  }

  private drop(id: number): void {
    void this.media.evaluate((line) => ome.end(line), id).catch(() => undefined);
  }

  /** What viewers there are now. */
  get viewers(): number {
    return this.lines.size;
  }

  /** The push ends: all viewers are dropped, as OME does. The room says so when `told`. */
  async end({ told = true } = {}): Promise<void> {
    this.pushed = false;
    await this.cut();
    if (told) this.tell(false);
  }

  /** Cuts everybody off, and lets them in again. */
  async cut(): Promise<void> {
    for (const [id, socket] of [...this.lines]) {
      this.forget(id);
      await socket.close();
    }
  }

  back({ told = true } = {}): void {
    this.pushed = true;
    if (told) this.tell(true);
  }

  private tell(live: boolean): void {
    this.mock.house.playback = { ...(this.mock.house.playback as object), live };
    this.mock.house.tellRoom("aula");
  }

  /** The pictures stop, and nothing else. */
  async freeze(): Promise<void> {
    await this.media.evaluate(() => ome.freeze());
  }
}
