/** Where we are in the control room; the place stands behind the `#`, so that links and the back button work. */

export type Route =
  | { view: "air" }
  | { view: "broadcast"; id: string }
  | { view: "start"; server?: string; meeting?: string; preset?: string }
  | { view: "meetings"; server?: string }
  | { view: "presets" }
  | { view: "servers" }
  | { view: "origins" }
  | { view: "rooms"; key?: string; part?: string }
  | { view: "people"; part: string }
  | { view: "nodes" }
  | { view: "webhooks" };

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view, id, part] = path.split("/");
  if (view === "broadcasts" && id) return { view: "broadcast", id: decodeURIComponent(id) };
  if (view === "rooms") return { view, ...(id ? { key: decodeURIComponent(id) } : {}), ...(part ? { part } : {}) };
  if (view === "servers" || view === "origins" || view === "presets" || view === "nodes" || view === "webhooks") return { view };
  if (view === "people") return { view, part: id ?? "account" };
  if (view === "meetings") {
    const server = new URLSearchParams(query).get("server");
    return { view, ...(server ? { server } : {}) };
  }
  if (view === "start") {
    const asked = new URLSearchParams(query);
    const server = asked.get("server");
    const meeting = asked.get("meeting");
    const preset = asked.get("preset");
    return { view: "start", ...(server ? { server } : {}), ...(meeting ? { meeting } : {}), ...(preset ? { preset } : {}) };
  }
  return { view: "air" };
}

class Place {
  now = $state.raw<Route>(parse(location.hash));

  constructor() {
    addEventListener("hashchange", () => {
      this.now = parse(location.hash);
      scrollTo(0, 0);
    });
  }
}

export const place = new Place();

export function go(hash: string): void {
  location.hash = hash;
}
