/** Presets, schedules and services: fetched where they are shown. */
import { asProblem, call, list } from "../api/client";
import type { Preset, Schedule, Service } from "../api/types";

class Plan {
  presets = $state.raw<Preset[]>([]);
  schedules = $state.raw<Schedule[]>([]);
  services = $state.raw<Service[]>([]);
  ready = $state(false);
  problem = $state("");

  async load(): Promise<void> {
    try {
      const [presets, schedules] = await Promise.all([list<Preset>("/presets"), list<Schedule>("/schedules")]);
      Object.assign(this, { presets, schedules, problem: "" });
    } catch (error) {
      this.problem = asProblem(error).words;
    } finally {
      this.ready = true;
    }
  }

  /** They never change while the program runs. */
  async loadServices(): Promise<void> {
    if (this.services.length > 0) return;
    try {
      this.services = (await call<{ items: Service[] }>("GET", "/services")).items;
    } catch {
      // A target can be typed without them.
    }
  }
}

export const plan = new Plan();
