//! The ways in which a meeting is over for a bot.

use bluecast::media::source::{SourceEnd, Step};
use bluecast::secret::Secret;

use super::Running;
use super::running::{QUIET, join_url, meeting};
use crate::support::bbb::{End, Meeting};

async fn end_after(act: fn(&Meeting) -> &Meeting) -> SourceEnd {
    let (bbb, meeting) = meeting("end").await;
    let mut running = Running::join(&bbb, &meeting).await;
    running.step(Step::AudioJoined).await;
    act(&meeting);
    let end = running.end().await;
    assert_eq!(meeting.sessions().len(), 1, "the bot came back");
    running.stop_and_check().await;
    end
}

#[tokio::test]
async fn the_end_of_a_meeting_is_seen() {
    let ways: [fn(&Meeting) -> &Meeting; 3] =
        [|meeting| meeting.end(), |meeting| meeting.end_as(&End::ByUser("Duplicate Removed".into())), |meeting| meeting.leave_page()];
    for by in ways {
        let end = end_after(by).await;
        assert!(matches!(end, SourceEnd::MeetingEnded), "{end:?}");
    }
}

#[tokio::test]
async fn being_banned_and_being_replaced_are_told_apart() {
    let end = end_after(|meeting| meeting.ban()).await;
    assert!(matches!(end, SourceEnd::Removed), "{end:?}");
    let end = end_after(|meeting| meeting.end_sessions(&End::Ejected("duplicate_user_in_meeting_eject_reason"))).await;
    assert!(matches!(end, SourceEnd::Replaced), "{end:?}");
}

#[tokio::test]
async fn an_error_page_may_be_tried_again_and_says_what_it_showed() {
    let end = end_after(|meeting| meeting.error_screen("500")).await;
    let SourceEnd::Failed { error, evidence } = end else { panic!("{end:?}") };
    assert!(error.retry && error.code == "page_error" && error.message.contains("500"), "{error:?}");
    assert!(evidence.screenshot.is_some_and(|picture| picture.starts_with(&[0xff, 0xd8])));
}

#[tokio::test]
async fn a_join_that_is_refused_or_leads_nowhere_says_why() {
    let (bbb, meeting) = meeting("refused").await;
    let gone = join_url(&bbb, &meeting, &format!("{QUIET}&x=1")).reveal().replace("meetingID=refused", "meetingID=other");
    let mut running = Running::start(Secret::new(gone), |_| ()).await;
    let end = running.end().await;
    let SourceEnd::Failed { error, .. } = end else { panic!("{end:?}") };
    assert!(error.retry && error.code == "join_refused", "{error:?}");
    assert!(error.message.contains("checksum") && !error.message.contains("checksum="), "{error:?}");
    running.stop_and_check().await;

    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut running = Running::start(Secret::new(format!("http://{unused}/?checksum=77")), |_| ()).await;
    let end = running.end().await;
    let SourceEnd::Failed { error, .. } = end else { panic!("{end:?}") };
    assert!(error.retry && error.code == "page_unreachable" && error.message.contains("REFUSED"), "{error:?}");
    assert!(!error.message.contains("77"), "{error:?}");
    running.stop_and_check().await;
}
