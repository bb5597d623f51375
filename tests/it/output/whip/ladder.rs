//! Names that are taken, what a crash left behind, and tokens.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bluecast::media::output::{OutputState, TargetUrl, WhipResource, WhipSettings};
use bluecast::secret::Secret;

use super::super::rig::Rig;
use super::super::{Watched, resolve, secret};
use super::{ome, on, spec};
use crate::support::ome::{Fault, Ome, Source};
use crate::support::wait::until_blocking;

fn calls(ome: &Ome) -> Vec<(String, u16)> {
    ome.requests().into_iter().map(|request| (request.method, request.status)).collect()
}

fn called(calls: &[(String, u16)]) -> Vec<(&str, u16)> {
    calls.iter().map(|(method, status)| (method.as_str(), *status)).collect()
}

#[test]
fn what_a_crash_left_behind_is_ended_before_the_next_offer() {
    let (ome, rig) = (ome(), Rig::start());
    let left = format!("{}{}", ome.whip_url("app", "one").split("/app/").next().unwrap(), ome.haunt("app", "one"));
    let kept: Arc<Mutex<Vec<Option<WhipResource>>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let mut spec = spec(&ome, "one");
    spec.whip = WhipSettings {
        resource: Some(WhipResource { url: Secret::new(left), etag: Some("\"left\"".into()) }),
        keep: Some(Arc::new(move |resource| keep.lock().unwrap().push(resource.cloned()))),
        ..WhipSettings::default()
    };
    let output = Watched::with(&rig, spec);
    output.wait(OutputState::Live);
    assert_eq!(called(&calls(&ome)), [("DELETE", 200), ("POST", 201)]);
    assert_eq!(ome.requests()[0].header("if-match"), Some("\"left\""));
    // The old one forgotten, the new one known before media flows.
    let new = {
        let kept = kept.lock().unwrap();
        assert!(kept.len() == 2 && kept[0].is_none(), "{kept:?}");
        kept[1].clone().unwrap()
    };
    assert!(new.url.reveal().starts_with("http://127.0.0.1:") && new.url.reveal().contains("/app/one/"), "a relative Location is resolved");
    output.stop();
    assert!(kept.lock().unwrap().last().unwrap().is_none());
    let last = ome.requests().pop().unwrap();
    assert!(last.method == "DELETE" && new.url.reveal().ends_with(&last.path), "{last:?}");
    assert_eq!(last.header("if-match"), new.etag.as_deref());
}

#[test]
fn a_name_held_by_nobody_we_know_is_freed_by_the_origin() {
    let (ome, rig) = (Arc::new(ome()), Rig::start());
    ome.haunt("app", "one");
    ome.register("app", "two", Source::Rtmp);
    let outputs = ["one", "two"].map(|name| {
        let mut spec = spec(&ome, name);
        let (origin, asked) = (Arc::clone(&ome), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&asked);
        spec.evict = Some(Arc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            origin.kill_source(&format!("app/{name}"));
            true
        }));
        (Watched::with(&rig, spec), asked)
    });
    for (output, asked) in &outputs {
        let status = output.wait(OutputState::Live);
        assert_eq!((status.reconnects, asked.load(Ordering::Relaxed)), (0, 1));
    }
    let mut statuses: Vec<u16> = ome.requests().iter().map(|request| request.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 409, 500]);
    outputs.iter().for_each(|(output, _)| output.stop());
}

#[test]
fn a_name_that_stays_taken_is_said_and_waited_for() {
    let (ome, rig) = (ome(), Rig::start());
    ome.haunt("app", "one");
    let mut spec = spec(&ome, "one");
    // An origin that does not do it.
    spec.evict = Some(Arc::new(|| false));
    let output = Watched::with(&rig, spec);
    let reason = output.wait_code("name_taken");
    assert!(reason.retry && reason.message.contains("is on already"), "{reason:?}");
    until_blocking("another try", || (ome.requests().len() >= 3).then_some(()));
    ome.kill_source("app/one");
    output.wait(OutputState::Live);
    output.stop();
}

#[test]
fn every_offer_carries_a_token_of_its_own_and_none_is_shown() {
    let (ome, rig) = (ome(), Rig::start());
    ome.whip_fault(Fault::Refuse(503, "no room for t0k3n1/+ here".into(), 1));
    let count = Arc::new(AtomicU32::new(0));
    let mut spec = spec(&ome, "one");
    spec.token = Some(Arc::new(move || Secret::new(format!("t0k3n{}/+", count.fetch_add(1, Ordering::Relaxed) + 1))));
    let output = Watched::with(&rig, spec);
    let reason = output.wait_code("overloaded");
    assert!(reason.message.contains("no room for") && !reason.message.contains("t0k3n"), "{reason}");
    output.wait(OutputState::Live);
    let offers: Vec<String> = ome.requests().into_iter().filter(|request| request.method == "POST").map(|request| request.path).collect();
    let wanted = [1, 2].map(|number| format!("/app/one?direction=whip&token=t0k3n{number}%2F%2B"));
    assert_eq!(offers, wanted);
    let shown = format!("{:?} {:?}", output.status(), output.events.lock().unwrap());
    assert!(!shown.contains("t0k3n"), "{shown}");
    output.stop();
    on(ome.wait_for_end("app/one"));
}

#[test]
fn the_bearer_goes_to_its_own_server_only() {
    let (front, behind, rig) = (ome(), ome(), Rig::start());
    let bearer = |url: &str| TargetUrl::parse(url, None, None).unwrap().with_bearer(secret("b34r3r").as_ref()).unwrap();
    let target = |ome: &Ome| bluecast::media::output::OutputSpec::to(bearer(&ome.whip_url("app", "one")), resolve());
    let plain = Watched::with(&rig, target(&behind));
    plain.wait(OutputState::Live);
    plain.stop();
    let sent: Vec<_> =
        behind.requests().iter().map(|request| (request.method.clone(), request.header("authorization").map(str::to_owned))).collect();
    let with = Some("Bearer b34r3r".to_owned());
    assert_eq!(sent, [("POST".to_owned(), with.clone()), ("DELETE".to_owned(), with)]);

    front.whip_fault(Fault::Redirect(307, behind.whip_url("app", "two")));
    let redirected = Watched::with(&rig, target(&front));
    redirected.wait(OutputState::Live);
    on(behind.wait_for_stream("app/two"));
    redirected.stop();
    assert_eq!(front.requests()[0].header("authorization"), Some("Bearer b34r3r"));
    let sent: Vec<_> = behind.requests().into_iter().skip(2).collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent.iter().all(|request| request.header("authorization").is_none()), "{sent:?}");
    assert_eq!((sent[0].path.as_str(), sent[1].method.as_str(), sent[1].status), ("/app/two?direction=whip", "DELETE", 200));
    assert!(!format!("{:?} {:?}", redirected.status(), redirected.events.lock().unwrap()).contains("b34r3r"));
}
