/* The table of amoctl's verbs: options, operands, help, which verb of core each one asks and
 * how the answer is shown. */

#include "tools/ctl/verbs.h"

#include "proto/control.h"
#include "tools/ctl/doctor.h"
#include "tools/ctl/import/import.h"
#include "tools/ctl/letter/channel_request.h"
#include "tools/ctl/probe/probe.h"

/* Core's names of its verbs. A row below can name no other, and a name that no row uses is a constant
 * without use, which does not compile. */
#define CORE_NAME(symbol, verb, args, answer) static const char core_##symbol[] = verb;
CONTROL_VERBS(CORE_NAME)
#undef CORE_NAME

#define OPTIONS(list) .options = (list), .n_options = AMO_COUNT(list)

static const struct args_option channel_request[] = {
    {"out",           "out",           ARGS_TEXT, false, "FILE",         "write the letter there"       },
    {"force",         "force",         ARGS_FLAG, false, NULL,           "over a file that is there"    },
    {"name",          "name",          ARGS_TEXT, false, "NAME",         "1: of the service"            },
    {"webhook-url",   "webhook_url",   ARGS_TEXT, false, "URL",
     "2: https://HOST/messages/:scope_id; default by public_url"                                        },
    {"accounts",      "accounts",      ARGS_TEXT, false, "NUMBERS",      "3: as 31263018,31263019"      },
    {"write-first",   "write_first",   ARGS_TEXT, false, "yes|no",       "4: default yes"               },
    {"time-window",   "time_window",   ARGS_TEXT, false, "no|SECONDS",   "5: default no"                },
    {"show-template", "show_template", ARGS_TEXT, false, "yes|no",       "5: after it, .com only"       },
    {"email",         "email",         ARGS_TEXT, false, "ADDRESS",      "6: where support writes"      },
    {"icon",          "icon",          ARGS_TEXT, false, "FILE",         "7: SVG, 14x14, up to 100 KB"  },
    {"client-uuid",   "client_uuid",   ARGS_TEXT, false, "UUID",         "8: of the integration"        },
    {"widget-code",   "widget_code",   ARGS_TEXT, false, "CODE",         "9: of the widget"             },
    {"public",        "public",        ARGS_TEXT, false, "yes|no",       "10: for all users; default no"},
    {"stores-files",  "stores_files",  ARGS_TEXT, false, "yes|no",       "11: default yes"              },
    {"reactions",     "reactions",     ARGS_TEXT, false, "no|all|EMOJI", "12: default no"               },
    {"quotes",        "quotes",        ARGS_TEXT, false, "yes|no",       "13: default yes"              },
    {"voice",         "voice",         ARGS_TEXT, false, "yes|no",       "14: default no"               },
    {"code",          "code",          ARGS_TEXT, false, "CODE",         "15: as ru.company.name"       },
    {"max-file-size", "max_file_size", ARGS_TEXT, false, "MB",           "for Kommo: the largest file"  },
};
static const struct args_option channel_add[] = {
    {"reply",     "reply",   ARGS_FILE, true,  "FILE",
     "support's answer as it came, // comments and all; - is stdin"                    },
    {"segment",   "segment", ARGS_TEXT, false, "NAME", "ru (default), com or kommo"    },
    {"amojo-url", "url",     ARGS_TEXT, false, "URL",  "amojo's address, for a sandbox"},
};
static const struct args_option connector_add[] = {
    {"name",          "name",          ARGS_TEXT,   true,  "NAME",
     "1 to 20 of a-z, 0-9 and -; part of ids for ever"                                                },
    {"kind",          "kind",          ARGS_TEXT,   true,  "KIND", "http"                             },
    {"url",           "url",           ARGS_TEXT,   true,  "URL",  "where the service takes our calls"},
    {"secret-file",   "secret",        ARGS_SECRET, false, "FILE",
     "signing secret, with or without whsec_; made when not given"                                    },
    {"token-file",    "token",         ARGS_SECRET, false, "FILE",
     "bearer token of the service; made when not given"                                               },
    {"allow-private", "allow_private", ARGS_FLAG,   false, NULL,
     "its address may be in a private network, and plain http"                                        },
};
#define ROTATION_OPTIONS                                                                       \
    {"overlap",                                                                                \
     "overlap_hours",                                                                          \
     ARGS_TEXT,                                                                                \
     false,                                                                                    \
     "HOURS",                                                                                  \
     "how long the old one stays valid; 0 not at all; core/overlap_hours unless given"},       \
    {                                                                                          \
        "finish", "finish", ARGS_FLAG, false, NULL, "end the rotation that is under way now"   \
    }
/* Of verbs that change who is reached. */
#define MOVE_OPTIONS                                                                           \
    {"move", "move", ARGS_FLAG,                                                                \
     false,  NULL,   "even if conversations move to another account with it"},                 \
    {                                                                                          \
        "dry-run", "dry_run", ARGS_FLAG, false, NULL, "only print how many conversations move" \
    }
static const struct args_option channel_remove[] = {
    MOVE_OPTIONS,
};
static const struct args_option channel_secret[] = {
    {"file", "secret", ARGS_SECRET, false, "FILE", "the new secret, from support"},
    ROTATION_OPTIONS,
};
static const struct args_option connector_rotate[] = {
    {"secret-file", "secret", ARGS_SECRET, false, "FILE",
     "signing secret; generated if not given"                                                   },
    {"token-file",  "token",  ARGS_SECRET, false, "FILE", "bearer token; generated if not given"},
    ROTATION_OPTIONS,
};
static const struct args_option account_connect[] = {
    {"channel",        "channel",        ARGS_TEXT, true,  "ID",       "channel id, as in channel list"                 },
    {"account",        "account",        ARGS_TEXT, true,  "AMOJO_ID", "the account's amojo id"                         },
    {"connector",      "connector",      ARGS_TEXT, true,  "NAME",     "the service for this account"                   },
    {"title",          "title",          ARGS_TEXT, false, "TEXT",     "the channel's name in amoCRM"                   },
    {"scope-id",       "scope_id",       ARGS_TEXT, false, "SCOPE",    "already connected: make no call"                },
    {"no-time-window", "no_time_window", ARGS_FLAG, false, NULL,
     "the channel's time window does not apply to this account"                                                         },
    {"yes",            "yes",            ARGS_FLAG, false, NULL,       "even if clients of unlisted sources are cut off"},
    MOVE_OPTIONS,
};
static const struct args_option account_disconnect[] = {
    {"no-call", "no_call", ARGS_FLAG, false, NULL, "make no call: amojo knows already"},
    MOVE_OPTIONS,
};
static const struct args_option source_remove[] = {
    {"connector", "connector", ARGS_TEXT, true, "NAME",   "the connector it belongs to"},
    {"source",    "source",    ARGS_TEXT, true, "SOURCE", "as in source list"          },
    MOVE_OPTIONS,
};
static const struct args_option source_default[] = {
    {"scope",  "scope_id", ARGS_TEXT, true,  "SCOPE",  "the account whose managers write"},
    {"source", "source",   ARGS_TEXT, false, "SOURCE",
     "they write from this one unless they choose"                                       },
    {"none",   "none",     ARGS_FLAG, false, NULL,     "remove the default"              },
};
static const struct args_option source_add[] = {
    {"connector", "connector", ARGS_TEXT, true, "NAME",   "the connector it belongs to"  },
    {"source",    "source",    ARGS_TEXT, true, "SOURCE",
     "number or messenger account, as the service names it"                              },
    {"scope",     "scope_id",  ARGS_TEXT, true, "SCOPE",  "the account it is assigned to"},
    MOVE_OPTIONS,
};
static const struct args_option conversation_list[] = {
    {"scope", "scope_id", ARGS_TEXT, false, "SCOPE", "of this account only"},
};
static const struct args_option conversation_import[] = {
    {"connector", "connector", ARGS_TEXT, false, "NAME",   "for rows that name none"                },
    {"scope",     "scope",     ARGS_TEXT, false, "SCOPE",  "for rows that name none"                },
    {"format",    "format",    ARGS_TEXT, false, "FORMAT", "csv or jsonl; detected if not given"    },
    {"dry-run",   "dry_run",   ARGS_FLAG, false, NULL,     "print what would happen, change nothing"},
};

static const struct args_option dead_retry[] = {
    {"may-double", "may_double", ARGS_FLAG, false, NULL,
     "even if the client may already have it and get it twice"},
};
static const struct args_option queue_drop[] = {
    {"connector",    "connector",    ARGS_TEXT, false, "NAME",
     "what waits for this service, and for accounts of it that left"                             },
    {"scope",        "scope_id",     ARGS_TEXT, false, "SCOPE", "both directions of this account"},
    {"conversation", "conversation", ARGS_TEXT, false, "ID",
     "both directions of this one, by its number in conversation list"                           },
    {"dry-run",      "dry_run",      ARGS_FLAG, false, NULL,    "only print how many"            },
};

static const struct args_option probe[] = {
    {"chat",  "chat",  ARGS_TEXT, false, "CHAT", "amojo id of a chat with a test client"      },
    {"yes",   "yes",   ARGS_FLAG, false, NULL,   "yes, write there"                           },
    {"burst", "burst", ARGS_FLAG, false, NULL,   "up to 60 reads at once, to meet amo's limit"},
};
static const struct args_option erase[] = {
    {"phone",        "phone",        ARGS_TEXT, false, "PHONE",
     "all conversations of this phone, however it is written"                                    },
    {"conversation", "conversation", ARGS_TEXT, false, "ID",
     "this one, by its number in conversation list"                                              },
    {"unowned",      "unowned",      ARGS_FLAG, false, NULL,
     "also events about unknown messages, whoever they belong to"                                },
    {"dry-run",      "dry_run",      ARGS_FLAG, false, NULL,    "only print what would be erased"},
};

#define MORE(...)                                                                              \
    .more = &(const struct verb)                                                               \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }

static const struct args_verb verbs[] = {
    ARGS_VERB(.group = "status", .about = "overview: what waits, what failed, who is connected",
              MORE(.control = core_status, .show = SHOW_OBJECT)),

    ARGS_VERB(.group = "channel", .name = "request",
              .about = "the questionnaire for amoCRM's support; asks for what is not given",
              OPTIONS(channel_request),
              MORE(.show = SHOW_OBJECT, .run = channel_request_run, .offline = true)),
    ARGS_VERB(.group = "channel", .name = "add",
              .about = "import support's answer about a new channel", OPTIONS(channel_add),
              MORE(.control = core_channel_add, .show = SHOW_OBJECT, .waits = true)),
    ARGS_VERB(.group = "channel", .name = "list",
              .about = "channels and how many accounts use each",
              MORE(.control = core_channel_list, .show = SHOW_LIST, .nothing = "no channels")),
    ARGS_VERB(.group = "channel", .name = "show",
              .about = "one channel, and what support switched on for it", .operand = "id",
              .operand_word = "ID", MORE(.control = core_channel_show, .show = SHOW_OBJECT)),
    ARGS_VERB(.group = "channel", .name = "secret",
              .about =
                  "set a new secret from support; the previous one still verifies for a while",
              .operand = "id", .operand_word = "ID", OPTIONS(channel_secret),
              MORE(.control = core_channel_secret, .show = SHOW_OBJECT, .waits = true)),
    ARGS_VERB(.group = "channel", .name = "remove",
              .about = "delete a channel that no account uses", .operand = "id",
              .operand_word = "ID", OPTIONS(channel_remove),
              MORE(.control = core_channel_remove, .show = SHOW_OBJECT, .waits = true)),

    ARGS_VERB(.group = "connector", .name = "add",
              .about = "add a Mobilon service; a secret or token that is not given is made and "
                       "shown once",
              OPTIONS(connector_add),
              MORE(.control = core_connector_add, .show = SHOW_GIVEN, .waits = true)),
    ARGS_VERB(.group = "connector", .name = "list",
              .about = "connectors, without their secrets",
              MORE(.control = core_connector_list, .show = SHOW_LIST,
                   .nothing = "no connectors")),
    ARGS_VERB(.group = "connector", .name = "show",
              .about = "one connector: its accounts and sources, what waits, a rotation",
              .operand = "name", .operand_word = "NAME",
              MORE(.control = core_connector_show, .show = SHOW_OBJECT)),
    ARGS_VERB(.group = "connector", .name = "rotate",
              .about = "set a new secret and token; the previous ones stay valid for a while",
              .operand = "name", .operand_word = "NAME", OPTIONS(connector_rotate),
              MORE(.control = core_connector_rotate, .show = SHOW_GIVEN, .waits = true)),
    ARGS_VERB(.group = "connector", .name = "remove",
              .about = "delete a service that no account uses", .operand = "name",
              .operand_word = "NAME",
              MORE(.control = core_connector_remove, .show = SHOW_OBJECT, .waits = true)),
    ARGS_VERB(.group = "connector", .name = "test",
              .about = "call the service once, and print what it answered", .operand = "name",
              .operand_word = "NAME",
              MORE(.control = core_connector_test, .show = SHOW_OBJECT, .waits = true)),

    ARGS_VERB(.group = "account", .name = "connect",
              .about = "connect a channel to an account; prints the scope id alone",
              OPTIONS(account_connect),
              MORE(.control = core_account_connect, .show = SHOW_SCOPE, .waits = true)),
    ARGS_VERB(.group = "account", .name = "disconnect",
              .about = "disconnect an account; its queue is paused until it reconnects",
              .operand = "scope_id", .operand_word = "SCOPE", OPTIONS(account_disconnect),
              MORE(.control = core_account_disconnect, .show = SHOW_OBJECT, .waits = true)),
    ARGS_VERB(.group = "account", .name = "list",
              .about = "accounts, and whether they are paused or held",
              MORE(.control = core_account_list, .show = SHOW_LIST, .nothing = "no accounts")),
    ARGS_VERB(.group = "account", .name = "pause",
              .about = "pause everything of an account, and the clock of what waits",
              .operand = "scope_id", .operand_word = "SCOPE",
              MORE(.control = core_account_pause, .show = SHOW_OBJECT, .waits = true)),
    ARGS_VERB(.group = "account", .name = "resume",
              .about = "end a pause, or a hold whose cause you have fixed",
              .operand = "scope_id", .operand_word = "SCOPE",
              MORE(.control = core_account_resume, .show = SHOW_OBJECT, .waits = true)),

    ARGS_VERB(.group = "source", .name = "add", .about = "assign a source to an account",
              OPTIONS(source_add),
              MORE(.control = core_source_add, .show = SHOW_OBJECT, .waits = true)),
    ARGS_VERB(.group = "source", .name = "list", .about = "sources and their accounts",
              MORE(.control = core_source_list, .show = SHOW_LIST, .nothing = "no sources")),
    ARGS_VERB(.group = "source", .name = "remove",
              .about = "take a source away from its account", OPTIONS(source_remove),
              MORE(.control = core_source_remove, .show = SHOW_OBJECT, .waits = true)),
    ARGS_VERB(.group = "source", .name = "default",
              .about = "set the number from which managers write first by default",
              OPTIONS(source_default),
              MORE(.control = core_source_default, .show = SHOW_OBJECT, .waits = true)),

    ARGS_VERB(.group = "conversation", .name = "list",
              .about = "conversations with their ids on both sides", OPTIONS(conversation_list),
              MORE(.control = core_conversation_list, .show = SHOW_LIST,
                   .nothing = "no conversations")),
    ARGS_VERB(.group = "conversation", .name = "show",
              .about = "one conversation by our number or any id of either side",
              .operand = "id", .operand_word = "ID",
              MORE(.control = core_conversation_show, .show = SHOW_OBJECT)),
    ARGS_VERB(.group = "conversation", .name = "import",
              .about =
                  "take over the conversations of an older bridge: JSON lines or CSV, - is "
                  "stdin",
              OPTIONS(conversation_import), .operand = "file", .operand_word = "FILE",
              MORE(.control = core_conversation_import, .show = SHOW_OBJECT,
                   .run = import_run)),

    ARGS_VERB(.group = "queue", .about = "waiting commands by destination and age",
              MORE(.control = core_queue, .show = SHOW_LIST, .nothing = "nothing waits")),
    ARGS_VERB(.group = "queue", .name = "drop",
              .about = "give up what waits for a connector, an account or in a conversation; "
                       "its sender is told",
              OPTIONS(queue_drop), MORE(.control = core_queue_drop, .show = SHOW_OBJECT)),

    ARGS_VERB(.group = "dead", .name = "list", .about = "commands that were given up",
              MORE(.control = core_dead_list, .show = SHOW_LIST, .nothing = "no dead letters")),
    ARGS_VERB(.group = "dead", .name = "show",
              .about = "one dead letter with its attempts and answers", .operand = "id",
              .operand_word = "ID", MORE(.control = core_dead_show, .show = SHOW_OBJECT)),
    ARGS_VERB(.group = "dead", .name = "retry", .about = "send again, at the end of its lane",
              .operand = "ids", .operand_word = "ID", .many = true, OPTIONS(dead_retry),
              MORE(.control = core_dead_retry, .show = SHOW_OBJECT)),
    ARGS_VERB(.group = "dead", .name = "drop", .about = "delete permanently", .operand = "ids",
              .operand_word = "ID", .many = true,
              MORE(.control = core_dead_drop, .show = SHOW_OBJECT)),

    ARGS_VERB(.group = "quarantine", .name = "list",
              .about = "events that could not be understood or applied",
              MORE(.control = core_quarantine_list, .show = SHOW_LIST,
                   .nothing = "quarantine is empty")),
    ARGS_VERB(.group = "quarantine", .name = "show",
              .about = "one entry; with its raw body if it was not understood", .operand = "id",
              .operand_word = "ID", MORE(.control = core_quarantine_show, .show = SHOW_OBJECT)),
    ARGS_VERB(.group = "quarantine", .name = "replay",
              .about = "apply entries as if they had just arrived", .operand = "ids",
              .operand_word = "ID", .many = true,
              MORE(.control = core_quarantine_replay, .show = SHOW_OBJECT)),
    ARGS_VERB(.group = "quarantine", .name = "drop", .about = "delete permanently",
              .operand = "ids", .operand_word = "ID", .many = true,
              MORE(.control = core_quarantine_drop, .show = SHOW_OBJECT)),

    ARGS_VERB(.group = "trace",
              .about = "the journey of a message with times, by any id of either side",
              .operand = "id", .operand_word = "ID",
              MORE(.control = core_trace, .show = SHOW_TRACE)),

    ARGS_VERB(.group = "clock", .name = "show",
              .about = "whether the wall clock is in doubt, and why",
              MORE(.control = core_clock_show, .show = SHOW_OBJECT)),
    ARGS_VERB(.group = "clock", .name = "agree",
              .about =
                  "you have looked at the clock and it is right: lives and retention go on",
              MORE(.control = core_clock_agree, .show = SHOW_OBJECT)),
    ARGS_VERB(.group = "doctor",
              .about = "check everything that can be wrong, and say what to do",
              MORE(.control = core_doctor, .each = core_doctor_check, .run = doctor_run)),
    ARGS_VERB(.group = "probe",
              .about = "find out on a live account what amojo's documents leave open; without "
                       "--yes it only says what it would do",
              .operand = "scope_id", .operand_word = "SCOPE", OPTIONS(probe),
              MORE(.control = core_probe_call, .run = probe_run)),
    ARGS_VERB(.group = "erase",
              .about = "remove a person's texts, names, phones and files; ids and times stay",
              OPTIONS(erase), MORE(.control = core_erase, .show = SHOW_OBJECT, .waits = true)),

    ARGS_VERB(
            .group = "config", .name = "check",
            .about =
                "read a configuration file as every program would, and print what comes of it",
            .operand = "file", .operand_word = "FILE",
            MORE(.control = NULL, .show = SHOW_OBJECT)),
};

const struct args_program amoctl_program = {
    .name = "amoctl",
    .about =
        "Asks amo-core, or tells it what to do. Options may come before or after the verb.",
    .notes =
        "amoctl VERB --help tells more of one verb. Core is asked at bus/control of --config\n"
        "FILE, or of AMO_BUS_CONTROL or AMO_RUN_DIR in the environment, which wins.\n"
        "Exit: 0 fine, 1 failed, 2 usage or configuration, 3 core cannot be reached.\n",
    .verbs = verbs,
    .n_verbs = AMO_COUNT(verbs),
};
