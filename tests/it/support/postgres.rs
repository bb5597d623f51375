//! A throw-away Postgres cluster: one a test process, one database a test. It runs as the `postgres` user where the tests run as root, listens
//! on a socket in a temporary folder only, and ends with the test process however that ends: a shell holds it and waits for the end of its
//! own standard input.

use std::io::{BufRead, BufReader};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Speaks on standard output: `ready FOLDER`, or nothing.
const KEEPER: &str = r#"
set -eu
trap '' INT TERM HUP
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
folder=$(mktemp -d "${TMPDIR:-/tmp}/bluecast-postgres-XXXXXX")
as=""
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    as="setpriv --reuid postgres --regid postgres --init-groups"
fi
cd "$folder"
$as "$programs/initdb" --auth=trust --encoding=UTF8 --locale=C.UTF-8 --username=postgres --no-sync --pgdata="$folder/data" >"$folder.log" 2>&1
$as "$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
    -c full_page_writes=off -c max_connections=300 -c shared_buffers=32MB >>"$folder.log" 2>&1 &
server=$!
tries=0
until $as "$programs/pg_isready" -q -h "$folder" -U postgres; do
    tries=$((tries + 1))
    if [ "$tries" = 300 ] || ! kill -0 "$server"; then cat "$folder.log" >&2; exit 1; fi
    sleep 0.1
done
echo "ready $folder"
exec >/dev/null
cat >/dev/null
kill -QUIT "$server" || true
wait "$server" || true
cd /
rm -rf "$folder" "$folder.log"
"#;

struct Cluster {
    folder: String,
    /// Its end is the shell's sign to stop the server.
    _stdin: Mutex<ChildStdin>,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        #[expect(clippy::zombie_processes, reason = "it outlives every test, and ends with the process")]
        let mut keeper =
            Command::new("sh").args(["-c", KEEPER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell for Postgres");
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let folder = line.trim().strip_prefix("ready ").expect("a Postgres cluster that starts (apt: postgresql)").to_owned();
        Cluster { folder, _stdin: Mutex::new(keeper.stdin.take().unwrap()) }
    })
}

fn url(database: &str) -> String {
    let folder = percent_encoding::utf8_percent_encode(&cluster().folder, percent_encoding::NON_ALPHANUMERIC);
    format!("postgres://postgres@localhost/{database}?host={folder}")
}

/// The address of a new, empty database.
pub async fn database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let url = tokio::task::spawn_blocking(|| url("postgres")).await.unwrap();
    let mut connection = PgConnection::connect(&url).await.expect("the cluster answers");
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    self::url(&name)
}
