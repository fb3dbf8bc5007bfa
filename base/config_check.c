/* The checks of single configuration values, and the table that says which key has which check.
 * A check returns NULL or what is wrong with the value. */

#include "base/config_check.h"

#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/net.h"
#include "base/url.h"

static const char *check_name(const char *value)
{
    size_t len = strlen(value);

    if (len > 63)
        return "a name has at most 63 characters";
    /* it becomes part of file names and endpoints */
    if (strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            len ||
        value[0] == '.')
        return "a name is made of letters, digits, '_', '-' and '.', and does not begin with "
               "'.'";
    return NULL;
}

static const char *check_level(const char *value)
{
    enum log_level level = LOG_LEVEL_INFO;

    return log_level_parse(view_of(value), &level) ? "one of error, warn, info, debug" : NULL;
}

static const char *check_format(const char *value)
{
    return strcmp(value, "logfmt") != 0 && strcmp(value, "json") != 0 ? "logfmt or json" : NULL;
}

static const char *check_yes_no(const char *value)
{
    return strcmp(value, "yes") != 0 && strcmp(value, "no") != 0 ? "yes or no" : NULL;
}

static const char *check_role(const char *value)
{
    if (strcmp(value, "broker") == 0)
        return "broker comes with the MMS3 connector; use http";
    return strcmp(value, "http") != 0 ? "http is the only role there is" : NULL;
}

static const char *check_listen(const char *value)
{
    struct sockaddr_storage where;
    socklen_t len = 0;

    return net_parse_address(value, &where, &len)
               ? "an address is a numeric host and a port, as 127.0.0.1:8080 or [::1]:8080"
               : NULL;
}

/* An admin listener may be switched off. */
static const char *check_admin_listen(const char *value)
{
    return *value ? check_listen(value) : NULL;
}

static const char *check_url(const char *value)
{
    struct url url;

    return *value && !url_split(view_of(value), &url)
               ? "an address begins with https:// or http://"
               : NULL;
}

static const char *check_store(const char *value)
{
    return view_starts(view_of(value), "sqlite:") && value[7]
               ? NULL
               : "a store is sqlite:FILE, no other";
}

static const char *check_endpoint(const char *value)
{
    return view_starts(view_of(value), "ipc://") && value[6]
               ? NULL
               : "an endpoint is ipc://PATH; tcp:// cannot be used yet";
}

static const char *check_networks(const char *value)
{
    while (*value) {
        size_t n = strcspn(value, ", ");

        if (n && net_parse_network(view_make(value, n), NULL))
            return "addresses or networks, separated by commas, as 10.0.0.0/8,::1";
        value += n + (value[n] != '\0');
    }
    return NULL;
}

static const char *check_spelling(const char *value)
{
    return strcmp(value, "both") == 0 || strcmp(value, "old") == 0 || strcmp(value, "new") == 0
               ? NULL
               : "both, old or new";
}

static const char *check_above_zero(const char *value)
{
    return strspn(value, "0") == strlen(value) ? "must be above 0" : NULL;
}

static const char *check_not_empty(const char *value)
{
    return *value ? NULL : "must not be empty";
}

static const struct {
    const char *key;
    const char *(*check)(const char *value);
} rules[] = {
    {"name",                                check_name        },
    {"data_dir",                            check_not_empty   },
    {"run_dir",                             check_not_empty   },
    {"log/level",                           check_level       },
    {"log/format",                          check_format      },
    {"confine",                             check_yes_no      },
    {"master_key_file",                     check_not_empty   },
    {"public_url",                          check_url         },
    {"ingress/role",                        check_role        },
    {"ingress/listen",                      check_listen      },
    {"ingress/admin_listen",                check_admin_listen},
    {"ingress/trusted_proxies",             check_networks    },
    {"ingress/spool",                       check_not_empty   },
    {"ingress/spool_max_bytes",             check_above_zero  },
    {"ingress/max_connections",             check_above_zero  },
    {"ingress/max_connections_per_address", check_above_zero  },
    {"core/store",                          check_store       },
    {"core/admin_listen",                   check_admin_listen},
    {"core/log_max_bytes",                  check_above_zero  },
    {"core/lease_ms",                       check_above_zero  },
    {"egress/admin_listen",                 check_admin_listen},
    {"egress/concurrency",                  check_above_zero  },
    {"egress/attempt_ms",                   check_above_zero  },
    {"egress/connect_ms",                   check_above_zero  },
    {"egress/status_spelling",              check_spelling    },
    {"bus/events",                          check_endpoint    },
    {"bus/commands",                        check_endpoint    },
    {"bus/control",                         check_endpoint    },
    {"bus/tap",                             check_endpoint    },
    {"retry/attempts",                      check_above_zero  },
    {"retention/messages_days",             check_above_zero  },
    {"retention/dead_days",                 check_above_zero  },
};

const char *config_check(const char *key, const char *value)
{
    for (size_t i = 0; i < AMO_COUNT(rules); i++) {
        if (strcmp(rules[i].key, key) == 0)
            return rules[i].check(value);
    }
    return NULL;
}
