//! Every call, in both generations' shapes.

use std::time::{Duration, Instant};

use bluecast::bbb::{
    Algorithm, BaseUrl, BbbError, Client, ClientOptions, CreateParams, Document, Generation as Shape, JoinParams, Layout, MeetingWatch,
    Role, Sighting,
};
use bluecast::reach::Reach;
use bluecast::secret::Secret;

use super::client;
use crate::support::bbb::{ALGORITHMS, Bbb, Generation, Guests};

/// Ids that people and portals give their meetings.
const STRANGE_IDS: [&str; 9] = [
    "a b+c&d=e?f#g/h%20",
    "Raum „Übung“ № 5",
    "हिन्दी-कक्षा",
    "<script>alert('x')</script>",
    "]]>&amp;\"'",
    "../../etc/passwd",
    "checksum=0&meetingID=other",
    "🎓 2026/27",
    "%00%0d%0aX: y",
];

#[tokio::test]
async fn the_index_tells_the_generation() {
    for (generation, shape) in [(Generation::V2_7, Shape::V2), (Generation::V3_0, Shape::V3)] {
        let bbb = Bbb::of(generation).await;
        let client = client(&bbb);
        let index = client.index().await.unwrap();
        assert_eq!((index.generation, index.release), (shape, None));
        assert_eq!(index.graphql_url.is_some(), shape == Shape::V3);
        bbb.reveal_version("3.0.24");
        assert_eq!(client.index().await.unwrap().release.as_deref(), Some("3.0.24"));
        assert_eq!(client.generation().await.unwrap(), shape);
        assert_eq!(bbb.requests_of("").len(), 2, "the generation is remembered");
    }
}

#[tokio::test]
async fn meetings_are_listed_none_one_and_many() {
    let bbb = Bbb::start().await;
    let client = client(&bbb);
    assert_eq!(client.meetings().await.unwrap(), []);

    let meeting = bbb.meeting("physics-1");
    meeting.name("Physics & Maths <1>").people_named(&["Ada", "Grace"]).videos(2).listeners(1234).metadata("bbb-origin", "Greenlight <3>");
    let meetings = client.meetings().await.unwrap();
    assert_eq!(meetings.len(), 1);
    let one = &meetings[0];
    assert_eq!((one.meeting_id.as_str(), one.name.as_str()), ("physics-1", "Physics & Maths <1>"));
    assert!(one.running && one.has_user_joined && !one.forcibly_ended && !one.breakout);
    assert_eq!((one.participants, one.moderators, one.videos, one.listeners), (2, 1, 2, 1234));
    assert_eq!(one.metadata["bbb-origin"], "Greenlight <3>");
    assert!(one.started_ms > one.created_ms && one.created_ms > 1_700_000_000_000);
    let names: Vec<_> = one.attendees.iter().map(|attendee| (attendee.name.as_str(), attendee.role)).collect();
    assert_eq!(names, [("Ada", Role::Moderator), ("Grace", Role::Viewer)]);

    meeting.cdata().name("5 < 6 & ]]> done");
    assert_eq!(client.meetings().await.unwrap()[0].name, "5 < 6 & ]]> done");

    for number in 0..30 {
        bbb.meeting(&format!("more {number}")).running(number % 2 == 0);
    }
    let meetings = client.meetings().await.unwrap();
    assert_eq!((meetings.len(), meetings.iter().filter(|meeting| meeting.running).count()), (31, 16));
}

#[tokio::test]
async fn ids_and_names_of_any_characters_go_there_and_back() {
    for cdata in [false, true] {
        let bbb = Bbb::start().await;
        let client = client(&bbb);
        for id in STRANGE_IDS {
            let meeting = bbb.meeting(id);
            if cdata {
                meeting.cdata();
            }
            let seen = client.meeting(id).await.unwrap();
            assert_eq!((seen.meeting_id.as_str(), seen.name.as_str()), (id, id));
            assert!(client.is_meeting_running(id).await.unwrap());
            assert_eq!(bbb.requests_of("getMeetingInfo").last().unwrap().parameters["meetingID"], id);
        }
        let mut ids: Vec<_> = client.meetings().await.unwrap().into_iter().map(|meeting| meeting.meeting_id).collect();
        let mut expected = STRANGE_IDS.map(str::to_owned).to_vec();
        ids.sort();
        expected.sort();
        assert_eq!(ids, expected);
    }
}

#[tokio::test]
async fn a_meeting_lives_from_create_to_end() {
    let bbb = Bbb::start().await;
    let client = client(&bbb);
    let params = CreateParams {
        meeting_id: "new one".into(),
        name: "A new one".into(),
        metadata: vec![("Stream-URL".into(), "https://live.example.org/?a=b".into())],
        more: vec![("record".into(), "false".into())],
    };
    assert_eq!(client.meeting("new one").await, Err(BbbError::NotFound));
    assert!(!client.is_meeting_running("new one").await.unwrap());
    let created = client.create(&params).await.unwrap();
    assert!(!created.existed && created.created_ms > 0 && !created.internal_id.is_empty());
    let again = client.create(&params).await.unwrap();
    assert!(again.existed);
    assert_eq!(again.internal_id, created.internal_id);

    let idle = client.meeting("new one").await;
    assert_eq!(Sighting::of(&idle), Sighting::Idle);
    assert_eq!(idle.unwrap().metadata["stream-url"], "https://live.example.org/?a=b");
    bbb.meeting("new one").people(2);
    bbb.meeting("new one").running(true);
    assert_eq!(Sighting::of(&client.meeting("new one").await), Sighting::Running);

    client.end("new one").await.unwrap();
    assert_eq!(Sighting::of(&client.meeting("new one").await), Sighting::Ended);
    assert!(!client.is_meeting_running("new one").await.unwrap());
    bbb.meeting("new one").remove();
    assert_eq!(Sighting::of(&client.meeting("new one").await), Sighting::Unknown);
    assert_eq!(client.end("new one").await, Err(BbbError::NotFound));
    let unusable = client.create(&CreateParams { meeting_id: "a,b".into(), ..params }).await.unwrap_err();
    assert_eq!(unusable.code(), "invalid");
}

#[tokio::test]
async fn whatever_algorithm_the_server_takes_is_found_once_and_remembered() {
    for algorithm in ALGORITHMS {
        let bbb = Bbb::start().await;
        bbb.meeting("m");
        bbb.take_only(&[algorithm]);
        let client = client(&bbb);
        assert_eq!(client.algorithm(), None);
        assert_eq!(client.meetings().await.unwrap().len(), 1);
        let learnt = client.algorithm().unwrap();
        assert_eq!(format!("{algorithm:?}").to_lowercase(), learnt.as_str());
        let tries = bbb.requests().len();
        client.clone().meeting("m").await.unwrap();
        assert_eq!(bbb.requests().len(), tries + 1, "a clone knows what was learnt");

        // What was stored is tried first.
        let options = ClientOptions { algorithm: client.algorithm(), ..ClientOptions::default() };
        let reach = Reach::parse("loopback").unwrap();
        let later = Client::new(BaseUrl::parse(&bbb.url()).unwrap(), bbb.secret(), reach, &options).unwrap();
        later.meeting("m").await.unwrap();
        assert_eq!(bbb.requests().len(), tries + 2);

        // The server's settings change.
        let other = if learnt == Algorithm::Sha512 { ALGORITHMS[1] } else { ALGORITHMS[3] };
        bbb.take_only(&[other]);
        client.meeting("m").await.unwrap();
        assert_ne!(client.algorithm(), Some(learnt));
    }
}

#[tokio::test]
async fn a_refusal_with_a_right_checksum_teaches_the_algorithm_too() {
    let bbb = Bbb::start().await;
    let client = client(&bbb);
    assert_eq!(client.meeting("nowhere").await, Err(BbbError::NotFound));
    assert_eq!(client.algorithm(), Some(Algorithm::Sha256));
}

#[tokio::test]
async fn a_wrong_secret_is_said_plainly() {
    let bbb = Bbb::start().await;
    let client = super::client_with(&bbb.url(), Secret::new("not-the-secret-at-all"), "loopback");
    let error = client.meetings().await.unwrap_err();
    assert_eq!((error.code(), error.retry()), ("wrong_secret", false));
    assert_eq!(bbb.requests().len(), 4, "each algorithm once");
    assert!(error.to_string().contains("bbb-conf --secret"));
    assert_eq!(client.join_address(&JoinParams::bot("m", "Bot")).await, Err(BbbError::WrongSecret));
}

#[tokio::test]
async fn chat_messages_reach_the_meeting_where_the_server_can() {
    let bbb = Bbb::start().await;
    bbb.meeting("m");
    let client = client(&bbb);
    client.send_chat_message("m", "Bluecast & co", "Streaming to <https://live.example.org/?a=1&b=2> – started").await.unwrap();
    client.send_chat_message("m", "", "x").await.unwrap();
    let chat = bbb.chat();
    assert_eq!((chat[0].user_name.as_str(), chat[1].user_name.as_str()), ("Bluecast & co", "System"));
    assert_eq!(chat[0].message, "Streaming to <https://live.example.org/?a=1&b=2> – started");
    assert_eq!(client.send_chat_message("gone", "x", "y").await, Err(BbbError::NotFound));
    for (sender, message) in [("x", String::new()), ("x", "ü".repeat(501)), (&"x".repeat(256), "y".into())] {
        assert_eq!(client.send_chat_message("m", sender, &message).await.unwrap_err().code(), "invalid");
    }
    client.send_chat_message("m", "x", &"ü".repeat(500)).await.unwrap();

    let old = Bbb::of(Generation::V2_7).await;
    old.meeting("m");
    let error = super::client(&old).send_chat_message("m", "x", "y").await.unwrap_err();
    assert_eq!(error, BbbError::Unsupported { call: "sendChatMessage" });
    assert_eq!(old.requests_of("sendChatMessage").len(), 0);

    // Early 3.0: the index is there, the call is not.
    bbb.fail("sendChatMessage", crate::support::bbb::Failure::Status(404));
    assert_eq!(client.send_chat_message("m", "x", "y").await.unwrap_err().code(), "unsupported");
}

#[tokio::test]
async fn documents_are_inserted_by_link_and_by_content() {
    let bbb = Bbb::start().await;
    bbb.meeting("m");
    let client = client(&bbb);
    let link = Document::Link { url: "https://example.org/a.pdf?x=\"1\"&y=<2>".into(), name: "a \"b\".pdf".into() };
    client.insert_document("m", &link).await.unwrap();
    let inline = Document::Inline { name: "soon.txt".into(), content: b"Stream starts soon".to_vec() };
    client.insert_document("m", &inline).await.unwrap();
    let documents = bbb.documents();
    assert_eq!(documents[0].meeting_id, "m");
    assert!(documents[0].xml.contains("url=\"https://example.org/a.pdf?x=&quot;1&quot;&amp;y=&lt;2&gt;\""), "{}", documents[0].xml);
    assert!(documents[0].xml.contains("filename=\"a &quot;b&quot;.pdf\" current=\"true\"/>"), "{}", documents[0].xml);
    assert!(documents[1].xml.contains("<document name=\"soon.txt\" current=\"true\">U3RyZWFtIHN0YXJ0cyBzb29u</document>"));
    assert_eq!(client.insert_document("gone", &link).await, Err(BbbError::NotFound));
    let large = Document::Inline { name: "x".into(), content: vec![0; 1024 * 1024 + 1] };
    assert_eq!(client.insert_document("m", &large).await.unwrap_err().code(), "invalid");
}

/// Opens an address as a browser does, without following.
async fn open(address: &Secret) -> reqwest::Response {
    let http = Reach::parse("loopback").unwrap().guard(reqwest::Client::builder());
    http.redirect(reqwest::redirect::Policy::none()).build().unwrap().get(address.reveal()).send().await.unwrap()
}

#[tokio::test]
async fn signed_join_addresses_let_their_opener_in() {
    for (generation, page) in [(Generation::V3_0, "/html5client/?sessionToken="), (Generation::V2_7, "/html5client/join?sessionToken=")] {
        for algorithm in ALGORITHMS {
            let bbb = Bbb::of(generation).await;
            bbb.take_only(&[algorithm]);
            let client = client(&bbb);
            for id in STRANGE_IDS {
                let meeting = bbb.meeting(id);
                let params = JoinParams::bot(id, "● LIVE → „Kanal“ & more").user_id("018f-x").layout(Layout::PresentationOnly);
                let address = client.join_address(&params).await.unwrap();
                assert!(!format!("{address:?}").contains("checksum"));
                let answer = open(&address).await;
                assert_eq!(answer.status(), 302, "{id}");
                let location = answer.headers()["location"].to_str().unwrap();
                assert!(location.contains(page), "{location}");
                assert!(answer.headers()["set-cookie"].to_str().unwrap().starts_with("JSESSIONID="));
                let session = &meeting.sessions()[0];
                assert_eq!((session.name.as_str(), session.user_id.as_str()), ("● LIVE → „Kanal“ & more", "018f-x"));
                assert_eq!(session.parameters.contains_key("bot"), generation == Generation::V3_0);
                let layout = if generation == Generation::V3_0 { "enforceLayout" } else { "defaultLayout" };
                let pinned = if generation == Generation::V3_0 { "PRESENTATION_ONLY" } else { "PRESENTATION_FOCUS" };
                assert_eq!(session.parameters[layout], pinned);
                // The page belongs to the browser that joined.
                assert_eq!(open(&Secret::new(location)).await.status(), 401);
            }
        }
    }
}

#[tokio::test]
async fn people_get_links_and_refused_joins_lead_away() {
    let bbb = Bbb::start().await;
    let meeting = bbb.meeting("m");
    let client = client(&bbb);
    let link = client.person_address("m", "Ada", Role::Moderator).await.unwrap();
    assert_eq!(open(&link).await.status(), 302);
    assert_eq!(meeting.sessions()[0].role, "MODERATOR");
    assert!(!meeting.sessions()[0].parameters.keys().any(|name| name.starts_with("userdata-")));

    meeting.guests(Guests::AlwaysDeny);
    let denied = open(&client.person_address("m", "Bob", Role::Viewer).await.unwrap()).await;
    let location = denied.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with("/?errors=") && location.contains("guestDeniedAccess"), "{location}");
    meeting.end();
    let ended = open(&client.person_address("m", "Bob", Role::Viewer).await.unwrap()).await;
    assert!(ended.headers()["location"].to_str().unwrap().contains("meetingForciblyEnded"));
    let strange = JoinParams::bot("m", "x").created_ms(12);
    bbb.meeting("other");
    assert!(open(&client.join_address(&strange).await.unwrap()).await.headers()["location"].to_str().unwrap().contains("errors="));
    let nul = client.person_address("m\0", "x", Role::Viewer).await.unwrap_err();
    assert_eq!(nul.code(), "invalid");
    let endless = client.join_address(&JoinParams::bot("m", "x").css("a{}".repeat(3000))).await.unwrap_err();
    assert_eq!(endless.code(), "invalid");
}

#[tokio::test]
async fn a_meeting_is_over_when_the_server_says_so_twice() {
    let mut bbb = Bbb::start().await;
    let meeting = bbb.meeting("m");
    let client = client(&bbb);
    let start = Instant::now();
    let at = |second| start + Duration::from_secs(second);
    let mut watch = MeetingWatch::waiting();
    meeting.running(false);
    assert!(!watch.see(&client.meeting("m").await, at(0)) && !watch.has_run());
    meeting.running(true);
    assert!(!watch.see(&client.meeting("m").await, at(10)) && watch.has_run());
    meeting.end();
    assert!(!watch.see(&client.meeting("m").await, at(20)));
    bbb.go_away().await;
    assert!(!watch.see(&client.meeting("m").await, at(50)), "silence is no evidence");
    bbb.come_back().await;
    meeting.remove();
    assert!(watch.see(&client.meeting("m").await, at(60)));
}
