/** Names from the API in plain words. A name that is newer than this page is shown as it is. */
import type { Broadcast, BroadcastEvent, Delivery, Node, Target } from "../api/types";
import { known, t } from "../i18n";

export type Tone = "" | "live" | "good" | "warn" | "bad" | "brand";

const word = (family: string, name: string) => known(`${family}.${name}`) ?? name.replaceAll("_", " ");

export function phaseName(broadcast: Broadcast): string {
  return broadcast.paused && broadcast.phase === "live" ? t("phase.paused") : word("phase", broadcast.phase);
}

export function phaseTone(broadcast: Broadcast): Tone {
  if (broadcast.phase === "live") return broadcast.paused ? "warn" : "live";
  if (broadcast.phase === "interrupted") return "warn";
  if (broadcast.phase === "waiting" || broadcast.phase === "joining") return "brand";
  return broadcast.reason === "failed" || broadcast.reason === "denied" ? "bad" : "";
}

/** A step says more than the phase on the way in; once it is live, only what is out of the ordinary does. */
function tellingStep({ source, step, phase }: Broadcast): boolean {
  if (!step || source === "test" || phase === "ending") return false;
  return phase !== "live" || (step !== "joined" && step !== "audio_joined");
}

/** What is happening now, in a sentence. */
export function phaseText(broadcast: Broadcast): string {
  if (broadcast.phase === "ended") return word("reason", broadcast.reason ?? "stopped");
  if (tellingStep(broadcast)) return word("step", broadcast.step ?? "");
  if (broadcast.paused) return t("phase_text.paused");
  if (broadcast.source === "test" && broadcast.phase === "joining") return t("phase_text.test_joining");
  if (broadcast.source === "test" && broadcast.phase === "live") return t("phase_text.test_live");
  return word("phase_text", broadcast.phase);
}

export function targetTone(target: Target): Tone {
  if (target.state === "live" && target.origin?.warning?.level === "warning") return "warn";
  return ({ live: "good", connecting: "brand", backing_off: "warn", failed: "bad", ended: "" } as const)[target.state] ?? "";
}

export function targetState(target: Target): string {
  return word("target", target.state);
}

/** Whether its origin really has it, in a few words; empty where it cannot be asked. */
export function atOrigin({ state, origin }: Target): { tone: Tone; text: string } | null {
  if (!origin || state === "ended") return null;
  if (origin.listed) return { tone: "good", text: t("target.listed") };
  if (origin.listed === undefined) return { tone: "", text: t("target.listed_unknown") };
  return origin.warning ? { tone: "warn", text: t("target.not_listed") } : { tone: "brand", text: t("target.listed_soon") };
}

export function protocolName(protocol: string): string {
  return ({ whip: "WHIP", rtmp: "RTMP", rtmps: "RTMPS", srt: "SRT" } as Record<string, string>)[protocol] ?? protocol.toUpperCase();
}

const eventTones: Record<string, Tone> = { live: "good", resumed: "good", ended: "", interrupted: "warn", paused: "warn", backing_off: "warn", failed: "bad", denied: "bad", removed: "bad" };

/** The colour of a line in the history, by the last word of its code. */
export function eventTone(event: BroadcastEvent): Tone {
  return eventTones[event.code.split(/[.:]/).at(-1) ?? ""] ?? "brand";
}

export function nodeState(node: Node): string {
  return word("node", node.state);
}

export function nodeTone(node: Node): Tone {
  return ({ up: "good", busy: "warn", draining: "brand", gone: "bad" } as const)[node.state] ?? "";
}

export function deliveryTone(delivery: Delivery): Tone {
  return ({ delivered: "good", waiting: "brand", given_up: "bad" } as const)[delivery.state] ?? "";
}
