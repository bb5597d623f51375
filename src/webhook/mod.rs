//! Tells other programs what happens: signed, tried again, and written down. What is to be told is written in the transaction of the change
//! that it is about, so that a restart loses nothing; [`send`] delivers it.

mod routes;
mod rules;
mod send;
mod store;

pub(crate) use self::routes::routes;
pub(crate) use self::send::deliver;
pub(crate) use self::store::enqueue;
