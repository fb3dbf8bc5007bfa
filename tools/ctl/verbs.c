/* The table of amoctl's verbs: options, operands, help, which verb of core each one asks and
 * how the answer is shown. */

#include "tools/ctl/verbs.h"

#include "proto/control.h"

/* Core's names of its verbs. A row below can name no other, and a name that no row uses is a constant
 * without use, which does not compile. */
#define CORE_NAME(symbol, verb, kind, args, answer) static const char core_##symbol[] = verb;
CONTROL_VERBS(CORE_NAME)
#undef CORE_NAME

#define OPTIONS(list) .options = (list), .n_options = AMO_COUNT(list)

/* Options: what they take, and whether they are needed. */
#define OPTION(...)                                                                            \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }
#define TEXT(name, key, word, about)        OPTION(name, key, ARGS_TEXT, false, word, about)
#define NEEDED_TEXT(name, key, word, about) OPTION(name, key, ARGS_TEXT, true, word, about)
#define NEEDED_FILE(name, key, word, about) OPTION(name, key, ARGS_FILE, true, word, about)
#define SECRET(name, key, word, about)      OPTION(name, key, ARGS_SECRET, false, word, about)
#define FLAG(name, key, about)              OPTION(name, key, ARGS_FLAG, false, NULL, about)

static const struct args_option channel_request[] = {
    TEXT("out", "out", "FILE", "write the letter there"),
    FLAG("force", "force", "over a file that is there"),
    TEXT("name", "name", "NAME", "1: of the service"),
    TEXT("webhook-url", "webhook_url", "URL",
         "2: https://HOST/messages/:scope_id; default by public_url"),
    TEXT("accounts", "accounts", "NUMBERS", "3: as 31263018,31263019"),
    TEXT("write-first", "write_first", "yes|no", "4: default yes"),
    TEXT("time-window", "time_window", "no|SECONDS", "5: default no"),
    TEXT("show-template", "show_template", "yes|no", "5: after it, .com only"),
    TEXT("email", "email", "ADDRESS", "6: where support writes"),
    TEXT("icon", "icon", "FILE", "7: SVG, 14x14, up to 100 KB"),
    TEXT("client-uuid", "client_uuid", "UUID", "8: of the integration"),
    TEXT("widget-code", "widget_code", "CODE", "9: of the widget"),
    TEXT("public", "public", "yes|no", "10: for all users; default no"),
    TEXT("stores-files", "stores_files", "yes|no", "11: default yes"),
    TEXT("reactions", "reactions", "no|all|EMOJI", "12: default no"),
    TEXT("quotes", "quotes", "yes|no", "13: default yes"),
    TEXT("voice", "voice", "yes|no", "14: default no"),
    TEXT("code", "code", "CODE", "15: as ru.company.name"),
    TEXT("max-file-size", "max_file_size", "MB", "for Kommo: the largest file"),
};
#define DRY_RUN FLAG("dry-run", "dry_run", "only print what would be done")
static const struct args_option explain[] = {FLAG("ru", "ru", "in Russian")};
static const struct args_option channel_add[] = {
    NEEDED_FILE("reply", "reply", "FILE",
                "support's answer as it came, // comments and all; - is stdin"),
    TEXT("segment", "segment", "NAME", "ru (default), com or kommo"),
    TEXT("amojo-url", "url", "URL", "amojo's address, for a sandbox"),
    DRY_RUN,
};
static const struct args_option connector_add[] = {
    NEEDED_TEXT("name", "name", "NAME", "1 to 20 of a-z, 0-9 and -; part of ids for ever"),
    NEEDED_TEXT("kind", "kind", "KIND", "http"),
    NEEDED_TEXT("url", "url", "URL", "where the service takes our calls"),
    SECRET("secret-file", "secret", "FILE",
           "signing secret, with or without whsec_; made when not given"),
    SECRET("token-file", "token", "FILE", "bearer token of the service; made when not given"),
    FLAG("allow-private", "allow_private",
         "its address may be in a private network, and plain http"),
    DRY_RUN,
};
#define ROTATION_OPTIONS                                                                       \
    TEXT("overlap", "overlap_hours", "HOURS",                                                  \
         "how long the old one stays valid; 0 not at all; core/overlap_hours unless given"),   \
        FLAG("finish", "finish", "end the rotation that is under way now")
/* Of verbs that change who is reached. */
#define MOVE_OPTIONS                                                                           \
    FLAG("move", "move", "even if conversations move to another account with it"),             \
        FLAG("dry-run", "dry_run", "only print how many conversations move")
static const struct args_option channel_remove[] = {
    MOVE_OPTIONS,
};
static const struct args_option channel_secret[] = {
    SECRET("file", "secret", "FILE", "the new secret, from support"),
    ROTATION_OPTIONS,
    DRY_RUN,
};
static const struct args_option connector_rotate[] = {
    TEXT("only", "only", "WHICH", "secret or token; both if not given"),
    SECRET("secret-file", "secret", "FILE", "signing secret; generated if not given"),
    SECRET("token-file", "token", "FILE", "bearer token; generated if not given"),
    ROTATION_OPTIONS,
    DRY_RUN,
};
static const struct args_option account_connect[] = {
    NEEDED_TEXT("channel", "channel", "ID", "channel id, as in channel list"),
    NEEDED_TEXT("account", "account", "AMOJO_ID", "the account's amojo id"),
    NEEDED_TEXT("connector", "connector", "NAME", "the service for this account"),
    TEXT("title", "title", "TEXT", "the channel's name in amoCRM"),
    TEXT("scope-id", "scope_id", "SCOPE", "already connected: make no call"),
    FLAG("no-time-window", "no_time_window",
         "the channel's time window does not apply to this account"),
    FLAG("yes", "yes", "even if clients of unlisted sources are cut off"),
    MOVE_OPTIONS,
};
static const struct args_option account_disconnect[] = {
    FLAG("no-call", "no_call", "make no call: amojo knows already"),
    MOVE_OPTIONS,
};
static const struct args_option source_remove[] = {
    NEEDED_TEXT("connector", "connector", "NAME", "the connector it belongs to"),
    NEEDED_TEXT("source", "source", "SOURCE", "as in source list"),
    MOVE_OPTIONS,
};
static const struct args_option source_default[] = {
    NEEDED_TEXT("scope", "scope_id", "SCOPE", "the account whose managers write"),
    TEXT("source", "source", "SOURCE", "they write from this one unless they choose"),
    FLAG("none", "none", "remove the default"),
    DRY_RUN,
};
static const struct args_option source_move[] = {
    NEEDED_TEXT("connector", "connector", "NAME", "the connector it belongs to"),
    NEEDED_TEXT("source", "source", "SOURCE", "number or messenger account"),
    TEXT("to", "to", "SCOPE", "the account that gets it, with its conversations"),
    FLAG("undo", "undo", "back to whom had it, while no message has passed since"),
    FLAG("dry-run", "dry_run", "only print how many conversations move"),
};
static const struct args_option only_dry_run[] = {
    DRY_RUN,
};
static const struct args_option source_add[] = {
    NEEDED_TEXT("connector", "connector", "NAME", "the connector it belongs to"),
    NEEDED_TEXT("source", "source", "SOURCE",
                "number or messenger account, as the service names it"),
    NEEDED_TEXT("scope", "scope_id", "SCOPE", "the account it is assigned to"),
    MOVE_OPTIONS,
};
#define REVEAL_OPTION                                                                          \
    FLAG("reveal", "reveal", "phones, names and texts unmasked; core's log says who asked")
static const struct args_option only_reveal[] = {
    REVEAL_OPTION,
};
static const struct args_option conversation_list[] = {
    TEXT("scope", "scope_id", "SCOPE", "of this account only"),
    TEXT("name", "client", "NAME", "whose client's name has this in it"),
    FLAG("waiting", "waiting", "in which something waits, the oldest first"),
    TEXT("page", "page", "PAGE", "go on where the last answer ended"),
    REVEAL_OPTION,
};
static const struct args_option message_list[] = {
    TEXT("conversation", "who", "WORD",
         "our number, any id of either side, a phone, the client's name"),
    TEXT("scope", "scope_id", "SCOPE", "of this account"),
    TEXT("connector", "connector", "NAME", "of this service"),
    TEXT("source", "source", "SOURCE", "of this number or messenger account"),
    TEXT("direction", "direction", "WORD", "inbound or outbound"),
    TEXT("state", "state", "WORD",
         "accepted, delivered_to_amo, delivered_to_service or failed (also as the service "
         "reports it); or, of what is no message, "
         "quarantined, waiting or set_aside"),
    TEXT("reason", "reason", "WORD", "why, as in dead list or quarantine list"),
    TEXT("since", "since", "TIME", "2026-11-30T10:05 in UTC, or how long ago: 90m, 2h, 3d"),
    TEXT("until", "until", "TIME", "the same"),
    TEXT("limit", "limit", "N", "so many at most: 20 unless given, up to 200"),
    TEXT("page", "page", "PAGE", "go on where the last answer ended"),
    REVEAL_OPTION,
};
static const struct args_option conversation_import[] = {
    TEXT("connector", "connector", "NAME", "for rows that name none"),
    TEXT("scope", "scope", "SCOPE", "for rows that name none"),
    TEXT("format", "format", "FORMAT", "csv or jsonl; detected if not given"),
    FLAG("dry-run", "dry_run", "print what would happen, change nothing"),
};

static const struct args_option dead_retry[] = {
    FLAG("may-double", "may_double", "even if the client may already have it and get it twice"),
    DRY_RUN,
};
static const struct args_option queue_drop[] = {
    TEXT("connector", "connector", "NAME",
         "what waits for this service, and for accounts of it that left"),
    TEXT("scope", "scope_id", "SCOPE", "both directions of this account"),
    TEXT("conversation", "conversation", "ID",
         "both directions of this one, by its number in conversation list"),
    TEXT("id", "id", "ID", "this message, by any of its ids, and what is about it"),
    FLAG("dry-run", "dry_run", "only print how many"),
};
static const struct args_option queue_move[] = {
    TEXT("connector", "connector", "NAME", "all accounts of this service"),
    TEXT("scope", "scope_id", "SCOPE", "this account alone"),
    TEXT("conversation", "conversation", "ID",
         "refused, since one goes with its number: what to do instead"),
    TEXT("id", "id", "ID", "the same of a message's"),
    NEEDED_TEXT("to", "to", "NAME", "the connector that gets them"),
    FLAG("yes", "yes", "even if conversations of unlisted sources reach no account then"),
    FLAG("dry-run", "dry_run", "only print how much moves"),
};
static const struct args_option waiting_list[] = {
    TEXT("connector", "connector", "NAME", "of this service only"),
    TEXT("scope", "scope_id", "SCOPE", "of this account only"),
    TEXT("after", "after", "ID", "from behind this one on: the `next` of the page before"),
    TEXT("limit", "limit", "N", "rows of a page; 100 unless given"),
};

static const struct args_option audit[] = {
    TEXT("since", "since", "TIME", "2026-11-30T10:05 in UTC, or how long ago: 90m, 2h, 3d"),
    TEXT("verb", "verb", "VERB", "this one, as account.pause, or a group, as account"),
    TEXT("user", "user", "NAME", "of this user"),
    TEXT("limit", "limit", "N", "so many at most: 20 unless given, up to 200"),
    TEXT("page", "page", "PAGE", "go on: `next` of the last answer"),
};
static const struct args_option refused[] = {
    TEXT("connector", "connector", "NAME", "of this service only"),
    TEXT("channel", "channel", "ID", "of this channel's webhooks only"),
};
static const struct args_option probe[] = {
    TEXT("chat", "chat", "CHAT", "amojo id of a chat with a test client"),
    FLAG("yes", "yes", "yes, write there"),
    FLAG("burst", "burst", "up to 60 reads at once, to meet amo's limit"),
};
static const struct args_option erase[] = {
    TEXT("phone", "phone", "PHONE", "all conversations of this phone, however it is written"),
    TEXT("conversation", "conversation", "ID", "this one, by its number in conversation list"),
    FLAG("unowned", "unowned", "also events about unknown messages, no matter whose"),
    FLAG("dry-run", "dry_run", "only print what would be erased"),
};

static const struct args_option config_check[] = {
    TEXT("env", "env", "FILE",
         "variables, NAME=VALUE, as in systemd's EnvironmentFile and for compose; this shell's "
         "are left out"),
};

#define MORE(...)                                                                              \
    .more = &(const struct verb)                                                               \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }
/* A verb: its words, what core is asked, and how the answer is shown. Behind them what it is about,
 * its operand and its options. */
#define OWN(of, called, ...) ARGS_VERB(.group = (of), .name = (called), .about = __VA_ARGS__)
#define ASK(of, called, core, ...)                                                             \
    ARGS_VERB(.group = (of), .name = (called), MORE(.control = (core), .show = SHOW_OBJECT),   \
              .about = __VA_ARGS__)
/* One that waits for a remote side, or until every ingress knows. */
#define TELL(of, called, core, ...)                                                            \
    ARGS_VERB(.group = (of), .name = (called),                                                 \
              MORE(.control = (core), .show = SHOW_OBJECT, .waits = true),                     \
              .about = __VA_ARGS__)
#define LIST(of, called, core, none, ...)                                                      \
    ARGS_VERB(.group = (of), .name = (called),                                                 \
              MORE(.control = (core), .show = SHOW_LIST, .nothing = (none)),                   \
              .about = __VA_ARGS__)
#define ONE(key, word)  .operand = (key), .operand_word = (word)
#define MANY(key, word) ONE(key, word), .many = true

static const struct args_verb verbs[] = {
    ASK("status", NULL, core_status, "overview: what waits, what failed, who is connected"),

    OWN("channel", "request",
        "the questionnaire for amoCRM's support; asks for what is not given",
        MORE(.show = SHOW_OBJECT, .run = channel_request_run, .offline = true),
        OPTIONS(channel_request)),
    TELL("channel", "add", core_channel_add, "import support's answer about a new channel",
         OPTIONS(channel_add)),
    LIST("channel", "list", core_channel_list, "no channels",
         "channels and how many accounts use each"),
    ASK("channel", "show", core_channel_show,
        "one channel, and what support switched on for it", ONE("id", "ID")),
    TELL("channel", "secret", core_channel_secret,
         "set a new secret from support; the previous one still verifies for a while",
         ONE("id", "ID"), OPTIONS(channel_secret)),
    TELL("channel", "remove", core_channel_remove, "delete a channel that no account uses",
         ONE("id", "ID"), OPTIONS(channel_remove)),

    OWN("connector", "add",
        "add a Mobilon service; a secret or token that is not given is made and shown once",
        MORE(.control = core_connector_add, .show = SHOW_GIVEN, .waits = true),
        OPTIONS(connector_add)),
    LIST("connector", "list", core_connector_list, "no connectors",
         "connectors, without their secrets"),
    ASK("connector", "show", core_connector_show,
        "one connector: its accounts and sources, what waits, a rotation", ONE("name", "NAME")),
    OWN("connector", "rotate",
        "set a new secret, a new token or both; the previous ones stay valid for a while",
        MORE(.control = core_connector_rotate, .show = SHOW_GIVEN, .waits = true),
        ONE("name", "NAME"), OPTIONS(connector_rotate)),
    ASK("connector", "resume", core_connector_resume,
        "end a hold whose cause you have fixed, without waiting for the next probe",
        ONE("name", "NAME"), OPTIONS(only_dry_run)),
    TELL("connector", "remove", core_connector_remove, "delete a service that no account uses",
         ONE("name", "NAME"), OPTIONS(only_dry_run)),
    TELL("connector", "test", core_connector_test,
         "call the service once, and print what it answered", ONE("name", "NAME")),

    OWN("account", "connect", "connect a channel to an account; prints the scope id alone",
        MORE(.control = core_account_connect, .show = SHOW_SCOPE, .waits = true),
        OPTIONS(account_connect)),
    TELL("account", "disconnect", core_account_disconnect,
         "disconnect an account; its queue is paused until it reconnects",
         ONE("scope_id", "SCOPE"), OPTIONS(account_disconnect)),
    LIST("account", "list", core_account_list, "no accounts",
         "accounts, and whether they are paused or held"),
    ASK("account", "show", core_account_show,
        "one account: is it paused or held, how much waits, who is refused for it",
        ONE("scope_id", "SCOPE")),
    TELL("account", "pause", core_account_pause,
         "pause everything of an account, and the clock of what waits",
         ONE("scope_id", "SCOPE"), OPTIONS(only_dry_run)),
    TELL("account", "resume", core_account_resume,
         "end a pause, or a hold whose cause you have fixed", ONE("scope_id", "SCOPE"),
         OPTIONS(only_dry_run)),

    TELL("source", "add", core_source_add, "assign a source to an account",
         OPTIONS(source_add)),
    LIST("source", "list", core_source_list, "no sources", "sources and their accounts"),
    TELL("source", "remove", core_source_remove, "take a source away from its account",
         OPTIONS(source_remove)),
    TELL("source", "move", core_source_move,
         "give a source and its conversations to another account of its connector",
         OPTIONS(source_move)),
    TELL("source", "default", core_source_default,
         "set the number from which managers write first by default", OPTIONS(source_default)),

    OWN("message", "list",
        "messages of a client, an account or a time, newest first: what became of each",
        MORE(.control = core_message_list, .show = SHOW_OBJECT, .run = messages_run),
        OPTIONS(message_list)),

    LIST("conversation", "list", core_conversation_list, "no conversations",
         "conversations with their ids on both sides, and what waits in them",
         OPTIONS(conversation_list)),
    ASK("conversation", "show", core_conversation_show,
        "one conversation by our number, any id of either side, a phone or a name",
        ONE("id", "ID"), OPTIONS(only_reveal)),
    OWN("conversation", "import",
        "take over the conversations of an older bridge: JSON lines or CSV, - is stdin",
        MORE(.control = core_conversation_import, .show = SHOW_OBJECT, .run = import_run),
        ONE("file", "FILE"), OPTIONS(conversation_import)),

    LIST("queue", NULL, core_queue, "nothing waits", "waiting commands by destination and age"),
    TELL("queue", "drop", core_queue_drop,
         "give up what waits for a connector, an account or in a conversation; its sender is "
         "told",
         OPTIONS(queue_drop)),
    TELL("queue", "move", core_queue_move,
         "move accounts to another connector, with their conversations and what waits in them",
         OPTIONS(queue_move)),
    ASK("waiting", "list", core_waiting_list,
        "events that wait for their message, for an echo or for room", OPTIONS(waiting_list)),
    ASK("waiting", "drop", core_waiting_drop,
        "end the wait of what waits for its message: it goes to quarantine", MANY("ids", "ID"),
        OPTIONS(only_dry_run)),

    ASK("message", "retry", core_message_retry,
        "send a message again that was given up, or now instead of after its back-off",
        ONE("id", "ID"), OPTIONS(dead_retry)),

    LIST("dead", "list", core_dead_list, "no dead letters", "commands that were given up"),
    ASK("dead", "show", core_dead_show, "one dead letter with its attempts and answers",
        ONE("id", "ID")),
    ASK("dead", "retry", core_dead_retry, "send again, at the end of its lane",
        MANY("ids", "ID"), OPTIONS(dead_retry)),
    ASK("dead", "drop", core_dead_drop, "delete permanently", MANY("ids", "ID"),
        OPTIONS(only_dry_run)),

    LIST("quarantine", "list", core_quarantine_list, "quarantine is empty",
         "events that could not be understood or applied"),
    ASK("quarantine", "show", core_quarantine_show,
        "one entry; --reveal: with its text, or its raw body if it was not understood",
        ONE("id", "ID"), OPTIONS(only_reveal)),
    ASK("quarantine", "replay", core_quarantine_replay,
        "apply entries as if they had just arrived", MANY("ids", "ID"), OPTIONS(only_dry_run)),
    ASK("quarantine", "drop", core_quarantine_drop, "delete permanently", MANY("ids", "ID"),
        OPTIONS(only_dry_run)),

    OWN("trace", NULL, "the journey of a message with times, by any id of either side",
        MORE(.control = core_trace, .show = SHOW_TRACE), ONE("id", "ID")),

    ASK("clock", "show", core_clock_show, "whether the wall clock is in doubt, and why"),
    ASK("clock", "agree", core_clock_agree,
        "you have checked the clock and it is right: life times and retention run again",
        OPTIONS(only_dry_run)),

    OWN("doctor", NULL, "check everything that can be wrong, and say what to do",
        MORE(.control = core_doctor, .each = core_doctor_check, .run = doctor_run)),

    ASK("audit", NULL, core_audit, "what operators ordered lately, and what came of it",
        OPTIONS(audit)),

    LIST("refused", NULL, core_refused, "nothing was refused",
         "requests that were refused: the last of each kind", OPTIONS(refused)),

    OWN("explain", NULL,
        "what the runbook says of a check of doctor, a hold, a reason, a log line's name or a "
        "metric",
        MORE(.run = explain_run, .offline = true), MANY("name", "NAME"), OPTIONS(explain)),

    OWN("probe", NULL,
        "find out on a live account what amojo's documents leave open; without --yes it only "
        "says what it would do",
        MORE(.control = core_probe_call, .run = probe_run), ONE("scope_id", "SCOPE"),
        OPTIONS(probe)),

    TELL("erase", NULL, core_erase, "remove a person's texts, names, phones and files",
         OPTIONS(erase)),

    OWN("config", "check",
        "read a configuration file and the environment as every program would, and print what "
        "comes of it",
        MORE(.show = SHOW_OBJECT), ONE("file", "FILE"), .optional = true,
        OPTIONS(config_check)),
};

const char *const amoctl_names_verb = core_account_list;

/* What the general help tells first. */
static const char *const daily[] = {
    "status", "doctor",    "trace",           "message list", "conversation show",
    "queue",  "dead list", "quarantine list", "refused",      "explain",
};

static const struct args_section sections[] = {
    {"Messages and people", "message conversation queue waiting dead quarantine erase"},
    {"Who is connected",    "channel connector account source"                        },
    {"The bridge itself",   "audit clock probe config"                                },
};

const struct args_program amoctl_program = {
    .name = "amoctl",
    .about =
        "Asks amo-core, or tells it what to do. Options may come before or after the verb.",
    .notes =
        "amoctl VERB --help tells more of a verb, or of a group of verbs such as channel.\n"
        "An account may be named by the first eight characters of its amojo id, as tables show "
        "it, a channel by those of its id.\n"
        "Lines are as wide as the terminal, or as COLUMNS in the environment says; 80 in a "
        "pipe.\n"
        "Core is asked at bus/control of --config FILE, or of AMO_BUS_CONTROL or AMO_RUN_DIR "
        "in the environment, which wins.\n"
        "Exit: 0 fine, 1 failed, 2 usage or configuration, 3 core cannot be reached.\n",
    .verbs = verbs,
    .n_verbs = AMO_COUNT(verbs),
    .daily = daily,
    .n_daily = AMO_COUNT(daily),
    .sections = sections,
    .n_sections = AMO_COUNT(sections),
};
