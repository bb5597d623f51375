/** The last ten minutes of a broadcast, put together from what the server sends piece by piece. */
import type { Samples } from "../api/types";

const KEPT = 600;
const LISTS = ["at_ms", "fps", "distinct_fps", "video_kbps", "audio_level_db", "cpu_cores", "viewers"] as const;

export function emptySamples(): Samples {
  return { at_ms: [], fps: [], distinct_fps: [], video_kbps: [], audio_level_db: [], av_skew_ms: [], cpu_cores: [], viewers: [], targets: [] };
}

/** What was known, with what came since; a target that is new or gone has gaps. */
export function appendSamples(old: Samples, news: Samples): Samples {
  if (news.at_ms.length === 0) return old;
  const joined = emptySamples();
  for (const list of LISTS) joined[list] = [...old[list], ...news[list]].slice(-KEPT);
  const gap = (length: number) => Array<null>(length).fill(null);
  const ids = new Map([...old.targets, ...news.targets].map((target) => [target.id, target.label]));
  for (const [id, label] of ids) {
    const of = (samples: Samples) => samples.targets.find((target) => target.id === id)?.kbps ?? gap(samples.at_ms.length);
    const kbps = [...of(old), ...of(news)].slice(-KEPT);
    if (kbps.some((value) => value !== null)) joined.targets.push({ id, label, kbps });
  }
  return joined;
}
