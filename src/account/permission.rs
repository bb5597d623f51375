//! What people may do, by name.

use std::fmt;
use std::str::FromStr;

macro_rules! permissions {
    ($($variant:ident $name:literal $meaning:literal,)*) => {
        /// The right to do one kind of thing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $(#[doc = $meaning] $variant,)*
        }

        impl Permission {
            /// All of them, in the order in which people read them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in the API, the database and token scopes.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What its holder can do, as the end of "lets its holder …".
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }
        }

        /// A type a permission, for [`Allowed`](super::Allowed).
        pub mod perm {
            use super::Permission;

            /// Names what a route needs: a permission, a tuple of permissions of which one is enough, or [`Nothing`].
            pub trait Needed: Send + Sync {
                /// One of these; empty: whoever is logged in.
                const ANY: &'static [Permission];
                /// Whether it is enough to hold one of them in a single room.
                const IN_SOME_ROOM: bool = false;
            }

            /// A single permission.
            pub trait Single: Send + Sync {
                /// Which.
                const PERMISSION: Permission;
            }

            impl<A: Single> Needed for A {
                const ANY: &'static [Permission] = &[A::PERMISSION];
            }

            impl<A: Single, B: Single> Needed for (A, B) {
                const ANY: &'static [Permission] = &[A::PERMISSION, B::PERMISSION];
            }

            /// The same of whoever holds it in some room only: the handler itself asks whether it is this one.
            #[derive(Debug)]
            pub struct InSomeRoom<P>(std::marker::PhantomData<fn(P)>);

            impl<P: Needed> Needed for InSomeRoom<P> {
                const ANY: &'static [Permission] = P::ANY;
                const IN_SOME_ROOM: bool = true;
            }

            /// No permission in particular: whoever is logged in.
            #[derive(Debug)]
            pub struct Nothing;

            impl Needed for Nothing {
                const ANY: &'static [Permission] = &[];
            }

            $(
                #[doc = $meaning]
                #[derive(Debug)]
                pub struct $variant;

                impl Single for $variant {
                    const PERMISSION: Permission = Permission::$variant;
                }
            )*
        }
    };
}

permissions! {
    BroadcastView "broadcast.view" "see broadcasts, wall, events",
    BroadcastOperate "broadcast.operate" "start, stop, pause, targets",
    BroadcastFreehand "broadcast.freehand" "use addresses that are no origin",
    ServerUse "server.use" "list meetings and join",
    ServerManage "server.manage" "edit servers",
    OriginUse "origin.use" "push to origins",
    OriginManage "origin.manage" "edit origins",
    NodeManage "node.manage" "drain, forget nodes",
    RoomManage "room.manage" "make and edit rooms",
    RoomModerate "room.moderate" "moderate comments",
    RoomExport "room.export" "download registrations, comments, sessions",
    RoomAddress "room.address" "see viewers' addresses",
    UserManage "user.manage" "users, groups, roles",
    ActivityView "activity.view" "read the log",
    SystemAdmin "system.admin" "everything, every group",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(name: &str) -> Result<Self, UnknownPermission> {
        let found = Self::ALL.iter().find(|permission| permission.name() == name);
        found.copied().ok_or_else(|| UnknownPermission(name.chars().take(64).collect()))
    }
}

/// A name that is no permission.
#[derive(Debug, thiserror::Error)]
#[error("there is no permission `{0}`")]
pub struct UnknownPermission(String);

/// A set of permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    /// What a holder of `system.admin` has.
    pub fn admin() -> Self {
        [Permission::SystemAdmin].into_iter().collect()
    }

    /// Whether something may be done: `system.admin` may everything.
    pub fn allow(self, permission: Permission) -> bool {
        self.holds(permission) || self.holds(Permission::SystemAdmin)
    }

    /// Whether this very permission is in the set.
    pub fn holds(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// Whether all of `others` may be done.
    pub fn cover(self, others: Self) -> bool {
        others.iter().all(|permission| self.allow(permission))
    }

    /// What a token with these scopes may do for a user with these permissions: never more than either.
    #[must_use]
    pub fn within(self, scopes: Self) -> Self {
        let both = |permission: &Permission| self.allow(*permission) && scopes.allow(*permission);
        Permission::ALL.iter().copied().filter(both).collect()
    }

    /// All that is in either.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions in it.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.holds(*permission))
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Permission::name).collect()
    }
}

fn bit(permission: Permission) -> u32 {
    1 << permission as u32
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | bit(permission)))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set() -> impl Strategy<Value = Permissions> {
        proptest::collection::vec(0..Permission::ALL.len(), 0..6)
            .prop_map(|indexes| indexes.into_iter().map(|index| Permission::ALL[index]).collect())
    }

    proptest! {
        #[test]
        fn a_token_may_never_more_than_its_user_or_its_scopes(user in set(), scopes in set()) {
            let within = user.within(scopes);
            for permission in Permission::ALL {
                prop_assert_eq!(within.allow(*permission), user.allow(*permission) && scopes.allow(*permission));
            }
        }
    }

    #[test]
    fn admins_may_everything_and_others_what_they_hold() {
        assert!(Permission::ALL.iter().all(|permission| Permissions::admin().allow(*permission)));
        let viewer: Permissions = [Permission::BroadcastView].into_iter().collect();
        assert_eq!(Permission::ALL.iter().filter(|permission| viewer.allow(**permission)).count(), 1);
        assert!(!viewer.cover(Permissions::admin()));
    }

    #[test]
    fn names_are_read_back() {
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse::<Permission>().unwrap(), *permission);
        }
        assert!("broadcast.everything".parse::<Permission>().is_err());
    }
}
