/** What the control room knows: fetched once, kept true by the event stream. */
import { asProblem, call, list, Problem } from "../api/client";
import { applyChange, inOrder, type Change, type EventName } from "../api/merge";
import type { Broadcast, NewBroadcast, Origin, Page, Room, Server, Session } from "../api/types";
import { follow } from "./stream";

/** Changes kept to be told again to answers that were on their way meanwhile. */
const KEPT = 500;
/** Broadcasts that are shown; older ones have their own address. */
const NEWEST = 100;

class House {
  broadcasts = $state.raw<Broadcast[]>([]);
  servers = $state.raw<Server[]>([]);
  origins = $state.raw<Origin[]>([]);
  rooms = $state.raw<Room[]>([]);
  session = $state.raw<Session | null>(null);
  /** Whether the first fetch is through. */
  ready = $state(false);
  fault = $state.raw<Problem | null>(null);
  connected = $state(true);
  /** A clock for everything that shows how long something has lasted. */
  nowMs = $state(Date.now());
  /** Counts the changes of each broadcast, so that its event list knows when to ask again. */
  changes = $state.raw<Record<string, number>>({});

  private heard: { serial: number; name: EventName; change: Change }[] = [];
  private serial = 0;

  readonly running = $derived(inOrder(this.broadcasts).filter((one) => one.phase !== "ended"));
  readonly ended = $derived(inOrder(this.broadcasts).filter((one) => one.phase === "ended"));

  /** Begins to follow the house; the answer ends it. */
  start(): () => void {
    void this.refresh();
    const clock = setInterval(() => (this.nowMs = Date.now()), 1000);
    const end = follow({
      onChange: (name, change) => this.take(name, change),
      onStale: () => void this.refresh(),
      onConnected: (connected) => (this.connected = connected),
    });
    return () => {
      clearInterval(clock);
      end();
    };
  }

  async refresh(): Promise<void> {
    const since = this.serial;
    try {
      this.session = await call<Session>("GET", "/session");
      const [broadcasts, servers, origins, rooms] = await Promise.all([
        call<Page<Broadcast>>("GET", `/broadcasts?limit=${NEWEST}`),
        this.listed<Server>("/servers"),
        this.listed<Origin>("/origins"),
        this.listed<Room>("/rooms"),
      ]);
      Object.assign(this, { broadcasts: this.caughtUp(broadcasts.items, since), servers, origins, rooms, fault: null });
      for (const one of broadcasts.items) this.changed(one.id);
    } catch (error) {
      this.fault = asProblem(error);
    } finally {
      this.ready = true;
    }
  }

  can(permission: string): boolean {
    const held = this.session?.permissions ?? [];
    return held.includes(permission) || held.includes("system.admin");
  }

  /** Starts by the form, or by what else makes a broadcast of a body. */
  async startBroadcast(body: NewBroadcast | object, path = "/broadcasts"): Promise<Broadcast> {
    const since = this.serial;
    const broadcast = await call<Broadcast>("POST", path, body);
    this.caughtUp([broadcast], since).forEach((one) => this.put(one));
    return broadcast;
  }

  /** Fetches one broadcast; one that is gone leaves the list. */
  async fetchBroadcast(id: string): Promise<void> {
    const since = this.serial;
    try {
      const broadcast = await call<Broadcast>("GET", `/broadcasts/${encodeURIComponent(id)}`);
      this.caughtUp([broadcast], since).forEach((one) => this.put(one));
    } catch (error) {
      if (asProblem(error).status === 404) this.broadcasts = this.broadcasts.filter((one) => one.id !== id);
    }
  }

  async reload(what: "servers" | "origins" | "rooms"): Promise<void> {
    if (what === "servers") this.servers = await list<Server>("/servers");
    else if (what === "origins") this.origins = await list<Origin>("/origins");
    else this.rooms = await list<Room>("/rooms");
  }

  /** A list that somebody without the permission for it does without. */
  private async listed<T>(path: string): Promise<T[]> {
    try {
      return await list<T>(path);
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 403 || problem.status === 404) return [];
      throw problem;
    }
  }

  /** An answer tells what was when it was written: what the stream said since then is newer. */
  private caughtUp(broadcasts: Broadcast[], since: number): Broadcast[] {
    for (const { serial, name, change } of this.heard) {
      if (serial > since) broadcasts = applyChange(broadcasts, name, change).broadcasts;
    }
    return broadcasts;
  }

  private put(broadcast: Broadcast): void {
    const rest = this.broadcasts.filter((one) => one.id !== broadcast.id);
    this.broadcasts = [...rest, broadcast];
    this.changed(broadcast.id);
  }

  private changed(id: string): void {
    this.changes = { ...this.changes, [id]: (this.changes[id] ?? 0) + 1 };
  }

  private take(name: EventName, change: Change): void {
    this.serial += 1;
    this.heard = [...this.heard.slice(-KEPT), { serial: this.serial, name, change }];
    // How many watch changes every second, and stands with the broadcast.
    if (name === "room") return "viewers" in change ? undefined : void this.reload("rooms").catch(() => undefined);
    const { broadcasts, need } = applyChange(this.broadcasts, name, change);
    this.broadcasts = broadcasts;
    if (need === "list") void this.refresh();
    else if (need !== "nothing") void this.fetchBroadcast(need.fetch);
    // Figures change every second and are no events; everything else may have been written down.
    if ("phase" in change || "paused" in change || "targets" in change || "state" in change || "step" in change) {
      const id = name === "target" ? broadcasts.find((one) => one.targets.some((target) => target.id === change.id))?.id : change.id;
      if (id) this.changed(id);
    }
  }
}

export const house = new House();
