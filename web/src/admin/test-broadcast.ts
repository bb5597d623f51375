import { asProblem, call } from "../api/client";
import type { Broadcast, Room } from "../api/types";
import { t } from "../i18n";
import { house } from "./house.svelte";

const KEY = "test";

/**
 * One press, no questions: the test picture in a room of its own, made if there is none. A test that is on the
 * air already gets company in a room with a number.
 */
export async function startTest(): Promise<Broadcast> {
  const taken = new Set(house.running.flatMap((one) => (one.room ? [one.room] : [])));
  let number = 1;
  while (taken.has(keyOf(number))) number += 1;
  const key = keyOf(number);
  if (!house.rooms.some((room) => room.key === key)) await makeRoom(key, number);
  return house.startBroadcast({ source: "test", profile: "720p30", targets: [], room: key });
}

function keyOf(number: number): string {
  return number === 1 ? KEY : `${KEY}-${number}`;
}

async function makeRoom(key: string, number: number): Promise<void> {
  const title = number === 1 ? t("air.test_room") : `${t("air.test_room")} ${number}`;
  try {
    await call<Room>("POST", "/rooms", { key, title, description: t("air.test_room_text") });
    await house.reload("rooms");
  } catch (error) {
    // Somebody else made it a moment ago: as good.
    if (asProblem(error).status !== 409) throw error;
  }
}
