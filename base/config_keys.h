#pragma once

/* Every configuration key of the project: X(key, kind, default, meaning). docs/configuration.md
 * is checked against this table. Kinds: TEXT, NUMBER, BYTES (1 MiB), PATH, SECRET. */
#define CONFIG_KEYS(X)                                                                         \
    X("name", TEXT, "", "names the process; default is the program's kind")                    \
    X("data_dir", PATH, "var/data", "state, one folder a process")                             \
    X("run_dir", PATH, "var/run", "sockets and locks")                                         \
    X("log/level", TEXT, "info", "error, warn, info or debug")                                 \
    X("log/format", TEXT, "logfmt", "logfmt or json")                                          \
    X("confine", TEXT, "yes", "no: a process may do what its user may; for debuggers")         \
    X("master_key_file", PATH, "<data_dir>/master.key", "core only: seals secrets at rest")    \
    X("public_url", TEXT, "", "https address under which the outside reaches ingress")         \
    X("drain_ms", NUMBER, "20000", "how long a stopping process finishes what it began")       \
    X("ingress/role", TEXT, "http", "http; broker comes with MMS3")                            \
    X("ingress/listen", TEXT, "127.0.0.1:8080", "public listener")                             \
    X("ingress/admin_listen", TEXT, "127.0.0.1:9101", "health and metrics")                    \
    X("ingress/trusted_proxies", TEXT, "", "addresses whose X-Forwarded-For is believed")      \
    X("ingress/spool", PATH, "<data_dir>/ingress/spool.db", "folder of the spool's segments")  \
    X("ingress/spool_max_bytes", BYTES, "4GiB", "the listener closes when it is full")         \
    X("ingress/spool_max_events", NUMBER, "200000",                                            \
      "events of all connectors that may wait; 0 = no limit")                                  \
    X("ingress/max_connections", NUMBER, "1024", "open connections at once")                   \
    X("ingress/max_connections_per_address", NUMBER, "64", "of an unverified address")         \
    X("core/store", TEXT, "sqlite:<data_dir>/core/core.db", "where core keeps everything")     \
    X("core/log_max_bytes", NUMBER, "67108864", "bound of the store's log, whatever the load") \
    X("core/admin_listen", TEXT, "127.0.0.1:9102", "health and metrics")                       \
    X("core/commands_max", NUMBER, "1000000",                                                  \
      "from so many waiting commands on events stay in the spools; 0 = no limit")              \
    X("share/percent", NUMBER, "10",                                                           \
      "most of the queue and the waiting room that is one connector's or account's; 0 = all")  \
    X("share/queue_s", NUMBER, "3600",                                                         \
      "a connector's share of the queue: what its accounts take in so many seconds; 0 = any")  \
    X("share/commands", NUMBER, "10000",                                                       \
      "but at least so many commands; 0 = no share of the queue is kept")                      \
    X("share/quarantine", NUMBER, "10000",                                                     \
      "messages of one connector in quarantine, and as many reports; 0 = no limit")            \
    X("share/bytes", BYTES, "512MiB",                                                          \
      "bodies of one connector that wait or are kept in the store; 0 = no limit")              \
    X("core/lease_ms", NUMBER, "20000", "how long a worker may hold a command")                \
    X("core/delayed_ms", NUMBER, "600000",                                                     \
      "age at which a waiting manager's message shows as delayed; 0 = never")                  \
    X("core/overlap_hours", NUMBER, "24",                                                      \
      "how long a rotated secret or token stays valid beside the new one")                     \
    X("core/away_days", NUMBER, "7",                                                           \
      "how long what waits for an account that left is kept; 0 = it is given up at once")      \
    X("core/connect_every_ms", NUMBER, "600000",                                               \
      "an account is connected again by itself at most once in this time")                     \
    X("core/echo_ms", NUMBER, "20000",                                                         \
      "how long a webhook waits if it may echo a message the bridge still sends")              \
    X("core/looks_ms", NUMBER, "40000",                                                        \
      "the time in which a history is read three times before a message counts as absent")     \
    X("core/deleted_text", TEXT, "Сообщение удалено",                                          \
      "what amo shows for a message deleted on the service's side; empty = nothing")           \
    X("egress/admin_listen", TEXT, "127.0.0.1:9103", "health and metrics")                     \
    X("egress/concurrency", NUMBER, "256", "attempts in flight")                               \
    X("egress/attempt_ms", NUMBER, "15000", "longest attempt")                                 \
    X("egress/connect_ms", NUMBER, "5000", "longest connect")                                  \
    X("egress/ca_file", PATH, "/etc/ssl/certs/ca-certificates.crt", "trusted authorities")     \
    X("egress/status_spelling", TEXT, "both", "both, old or new names in a delivery status")   \
    X("bus/events", TEXT, "ipc://<run_dir>/events", "core binds, ingress connects")            \
    X("bus/commands", TEXT, "ipc://<run_dir>/commands", "core binds, egress connects")         \
    X("bus/control", TEXT, "ipc://<run_dir>/control", "core binds, amoctl connects")           \
    X("bus/tap", TEXT, "ipc://<run_dir>/tap", "each process binds <this>-<name>")              \
    X("bus/ingress_users", TEXT, "",                                                           \
      "who may speak as ingress: users, %groups; empty = core's own user")                     \
    X("bus/egress_users", TEXT, "",                                                            \
      "who may speak as egress: users, %groups; empty = core's own user")                      \
    X("bus/operators", TEXT, "",                                                               \
      "who may use amoctl and amo-monitor: users, %groups; empty = the process's own user")    \
    X("bus/core_users", TEXT, "",                                                              \
      "as whom core may run, for the edges: users, %groups; empty = the edge's own user")      \
    X("bus/curve_dir", PATH, "", "keys; required for tcp endpoints")                           \
    X("scope/rate", NUMBER, "7", "calls a second to amojo per scope; 0 = no limit")            \
    X("scope/burst", NUMBER, "7", "calls at once to amojo per scope")                          \
    X("retry/base_ms", NUMBER, "1000", "first back-off; doubles, full jitter")                 \
    X("retry/cap_ms", NUMBER, "300000", "longest back-off")                                    \
    X("retry/attempts", NUMBER, "10", "counted attempts until a command is dead")              \
    X("retry/window_ms", NUMBER, "900000", "counted time until a command is dead")             \
    X("retention/messages_days", NUMBER, "180", "how long messages are known")                 \
    X("retention/dead_days", NUMBER, "30", "how long dead letters and quarantine are kept")
