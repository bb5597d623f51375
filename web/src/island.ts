import { mount, type Component } from "svelte";
import { loadMessages } from "./i18n";

/** Mounts a component where the page has its place, with the properties that the page wrote there. */
export async function island<Props extends object>(component: Component<Props>, messages?: "viewers"): Promise<void> {
  const target = document.getElementById("island");
  if (!target) return;
  const props = JSON.parse(target.dataset["page"] ?? "{}") as Props;
  await loadMessages(messages);
  target.replaceChildren();
  mount(component, { target, props });
}
