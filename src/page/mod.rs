//! Server-rendered pages: login, control room, rooms.
