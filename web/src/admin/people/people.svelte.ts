/** Users, groups and roles, fetched when somebody looks at them. */
import { asProblem, list, type Problem } from "../../api/client";
import { house } from "../house.svelte";
import type { Group, Role, User } from "./types";

class People {
  users = $state.raw<User[]>([]);
  groups = $state.raw<Group[]>([]);
  roles = $state.raw<Role[]>([]);
  ready = $state(false);
  fault = $state.raw<Problem | null>(null);

  async load(): Promise<void> {
    try {
      const may = house.can("user.manage");
      const [users, groups, roles] = await Promise.all([may ? list<User>("/users") : [], list<Group>("/groups"), may ? list<Role>("/roles") : []]);
      Object.assign(this, { users, groups, roles, fault: null });
    } catch (error) {
      this.fault = asProblem(error);
    } finally {
      this.ready = true;
    }
  }

  groupName(id: string): string {
    return this.groups.find((group) => group.id === id)?.name ?? id;
  }

  roleName(id: string): string {
    return this.roles.find((role) => role.id === id)?.name ?? id;
  }
}

export const people = new People();
