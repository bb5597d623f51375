//! What capturing costs and how old its pictures are. The limits here are loose, for machines under load; the numbers are printed.

use std::time::Duration;

use bluecast::media::source::Step;

use super::Running;
use super::running::meeting;
use crate::support::bbb::Strip;
use crate::support::wait::until;

#[tokio::test]
async fn a_page_that_draws_30_gives_30_distinct_pictures() {
    let (bbb, meeting) = meeting("measured").await;
    meeting.strip(Strip::WithTheRest).fps(30);
    let mut running = Running::join(&bbb, &meeting).await;
    running.step(Step::AudioJoined).await;
    running.fresh_picture(500).await;
    // What else the machine does may take any one of them.
    until("six seconds with twenty distinct pictures a second, half of them not half a second old", async || {
        let (distinct, p50) = six_seconds(&running).await;
        (distinct >= 2000 && p50.is_some_and(|ms| ms < 500)).then_some(())
    })
    .await;
    running.stop_and_check().await;
}

/// Prints what is seen in six seconds: hundredths of distinct pictures a second, and the median of their ages in ms.
async fn six_seconds(running: &Running) -> (u64, Option<u64>) {
    let (before, began) = (running.source.stats(), running.clock.now());
    running.seen.look(|seen| seen.pictures.clear());
    tokio::time::sleep(Duration::from_secs(6)).await;
    let after = running.source.stats();
    let seconds = (running.clock.now() - began).mseconds();
    let grabbed = after.grabbed - before.grabbed;
    let distinct = (after.distinct - before.distinct) * 100_000 / seconds;
    let grab_us = (after.grab_us - before.grab_us) / grabbed.max(1);
    let (mut ages, mut strips): (Vec<u64>, Vec<u64>) = running.seen.look(|seen| {
        let pictures = seen.pictures.iter();
        (pictures.clone().filter_map(|picture| picture.age_ms).collect(), pictures.filter_map(|picture| picture.strip_ms).collect())
    });
    ages.sort_unstable();
    strips.dedup();
    // Beeps begin on the full second by the browser's own reckoning.
    let beeps: Vec<u64> = running.seen.look(|seen| {
        let loud = |piece: &(u64, f64, u16)| piece.2 > 3000;
        seen.sound.windows(2).filter(|pair| !loud(&pair[0]) && loud(&pair[1])).map(|pair| pair[1].0 % 1000).collect()
    });
    println!("beeps begin at these milliseconds of a second: {beeps:?}");
    let percentile = |part: usize| ages.get(ages.len().saturating_sub(1) * part / 100).copied();
    println!(
        "distinct {}.{:02}/s, {} strips; grab {grab_us} µs; age p50 {:?} p95 {:?} max {:?} ms; silences {}",
        distinct / 100,
        distinct % 100,
        strips.len(),
        percentile(50),
        percentile(95),
        percentile(100),
        after.silences
    );
    (distinct, percentile(50))
}
