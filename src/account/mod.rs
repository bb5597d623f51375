//! Users, sessions, tokens, permissions, activity log.
