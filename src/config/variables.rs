//! The table of settings. `env.example`, the check for unknown names and the operators' page all come from here.

use std::fmt::Write;

/// One setting and what it means.
pub struct Variable {
    /// Its name in the environment. `NAME_FILE` names a file that holds the value.
    pub name: &'static str,
    /// What holds when it is not set, as people write it.
    pub default: &'static str,
    /// What it does, in a sentence.
    pub meaning: &'static str,
}

const fn variable(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, meaning }
}

/// Every setting there is.
pub const VARIABLES: &[Variable] = &[
    variable("BLUECAST_LISTEN", "127.0.0.1:8080", "Address and port to listen on."),
    variable("BLUECAST_PUBLIC_URL", "http://localhost:8080", "The address that browsers use. With https, cookies are marked secure."),
    variable("BLUECAST_DATA_DIR", "./data", "Folder of the database, the generated key and snapshots."),
    variable("BLUECAST_DATABASE_URL", "", "sqlite://PATH or postgres://… (SQLite in the data folder)."),
    variable(
        "BLUECAST_SECRET_KEY",
        "",
        "32 bytes in base64 that encrypt secrets at rest. SQLite: generated into the data folder. Postgres: must be given (`openssl rand -base64 32`).",
    ),
    variable("BLUECAST_ADMIN_USER", "admin", "Name of the first admin, made only when there is no user."),
    variable("BLUECAST_ADMIN_PASSWORD", "", "Password of the first admin (generated and printed once)."),
    variable("BLUECAST_TRUSTED_PROXIES", "", "Comma-separated addresses or CIDRs whose X-Forwarded-For is believed (none)."),
    variable("BLUECAST_WEBRTC_ADDRESSES", "", "Comma-separated addresses that WebRTC viewers are told to send to (those of this machine)."),
    variable("BLUECAST_WEBRTC_UDP_PORTS", "", "UDP ports for WebRTC, as FROM-TO (any free port)."),
    variable(
        "BLUECAST_ICE_SERVERS",
        "",
        "Comma-separated STUN and TURN servers for viewers: stun:HOST:PORT, turn:USER:PASSWORD@HOST:PORT (none).",
    ),
    variable(
        "BLUECAST_WHIP_ICE_SERVERS",
        "",
        "The same for sending by WHIP, where the way to the server is blocked otherwise (none). Viewers are not told of them.",
    ),
    variable(
        "BLUECAST_OME_SECRET",
        "",
        "The SecretKey of OvenMediaEngine's AdmissionWebhooks; without it everything that asks is refused (none).",
    ),
    variable(
        "BLUECAST_SOCKETS_PER_ADDRESS",
        "4000",
        "The most connections to rooms from one address (of IPv6, one /64). A whole school may be behind one.",
    ),
    variable("BLUECAST_KEEP_COMMENTS_DAYS", "730", "Days that comments are kept; 0 for ever."),
    variable("BLUECAST_KEEP_SESSIONS_DAYS", "365", "Days that it is kept who was in which room and how many; 0 for ever."),
    variable("BLUECAST_KEEP_ADDRESSES_DAYS", "30", "Days that viewers' addresses are kept with either; 0 for ever."),
    variable("BLUECAST_ORIGINS_FILE", "", "TOML file with origins that are made and kept up to date at every start (none)."),
    variable("BLUECAST_HOME_ROOM", "", "Key of a room that stands in the place of the front page (none)."),
    variable("BLUECAST_MATOMO_URL", "", "Address of a Matomo that counts visits of rooms with a site id, from those who agree (none)."),
    variable(
        "BLUECAST_PHONE_REGION",
        "",
        "Two letters of the country whose telephone numbers are taken without their country's code, such as IN (none).",
    ),
    variable("BLUECAST_REGISTRATION_DAYS", "365", "Days after which what somebody filled in at a room is deleted; 0 keeps it for ever."),
    variable(
        "BLUECAST_SMTP_URL",
        "",
        "Mail server that links for new passwords are sent by: smtps://USER:PASSWORD@HOST, or smtp://…?tls=required (none: no mail is sent).",
    ),
    variable("BLUECAST_MAIL_FROM", "", "Whom mail comes from, such as Bluecast <bluecast@example.org>; given with BLUECAST_SMTP_URL."),
    variable("BLUECAST_OIDC_ISSUER", "", "OpenID Connect provider that people log in at, exactly as it calls itself (none)."),
    variable(
        "BLUECAST_OIDC_CLIENT_ID",
        "",
        "What Bluecast is called there. It sends people back to /login/oidc/callback of BLUECAST_PUBLIC_URL.",
    ),
    variable("BLUECAST_OIDC_CLIENT_SECRET", "", "What proves there that it is Bluecast (none: a public client, by PKCE alone)."),
    variable("BLUECAST_OIDC_NAME", "OpenID", "What the button on the login page says."),
    variable("BLUECAST_OIDC_SCOPES", "openid profile email", "What is asked of the provider, with blanks between."),
    variable("BLUECAST_OIDC_GROUPS_CLAIM", "groups", "The claim with a person's groups; `a.b` names what is within."),
    variable(
        "BLUECAST_OIDC_GROUP_MAP",
        "",
        "What its words stand for: `WORD -> GROUP; WORD -> role:ROLE`. Whoever has none of them is not let in (everybody is, without rights).",
    ),
    variable("BLUECAST_NODE_NAME", "", "Name of this process in the list of nodes (the host name)."),
    variable("BLUECAST_NODE_URL", "", "Address under which the other nodes reach this one (none)."),
    variable("BLUECAST_NODE_CAPACITY", "", "CPU cores that broadcasts may use (measured)."),
    variable(
        "BLUECAST_CALL_ALLOW",
        "",
        "Comma-separated hosts, addresses and CIDRs that servers, origins, targets and webhooks may point at besides public addresses; \
         `loopback` for this machine (`loopback` when listening on loopback, else none).",
    ),
    variable("BLUECAST_METRICS_TOKEN", "", "Bearer token for /metrics (without it: loopback only)."),
    variable("BLUECAST_CA_FILE", "", "PEM file with more certificate authorities, for Bluecast and for Chromium (none)."),
    variable("BLUECAST_CHROMIUM", "", "Path of the browser that joins meetings (found on PATH)."),
    variable("BLUECAST_LOG", "info", "What is logged: a level, or a list such as `info,bluecast::bbb=debug`."),
    variable("BLUECAST_LOG_FORMAT", "text", "`text` or `json`."),
];

/// The text of `env.example`.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Every setting of Bluecast, with its default. All are optional with SQLite.\n\
         # Each also takes NAME_FILE, a file that holds the value. Unknown BLUECAST_ names are errors.\n\
         # This file is generated: `bluecast env-example > env.example`.\n",
    );
    for Variable { name, default, meaning } in VARIABLES {
        let _ = write!(text, "\n# {meaning}\n#{name}={default}\n");
    }
    text
}
