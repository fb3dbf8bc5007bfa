/* Parses the list of kinds, and compares an item with what the user asked for: kind, trace,
 * scope. */

#include "tools/monitor/filter.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "proto/messages.h"

#define BIT(kind)  (UINT32_C(1) << (kind))
#define HEARTBEATS (BIT(MSG_HEARTBEAT) | BIT(MSG_HEARTBEAT_ANSWER) | BIT(MSG_CREDIT))

static const struct {
    const char *word;
    uint32_t kinds;
} words[] = {
    {"event",     BIT(MSG_EVENT_PUSH) | BIT(MSG_EVENT_EPHEMERAL) },
    {"command",   BIT(MSG_COMMAND_PUSH)                          },
    {"result",    BIT(MSG_RESULT_PUSH)                           },
    {"taken",     BIT(MSG_EVENT_TAKEN) | BIT(MSG_RESULT_TAKEN)   },
    {"session",   BIT(MSG_HELLO) | BIT(MSG_WELCOME) | BIT(MSG_HELLO_AGAIN) | BIT(MSG_REFUSED) |
                    BIT(MSG_GOING)                },
    {"heartbeat", HEARTBEATS                                     },
    {"registry",  BIT(MSG_REGISTRY) | BIT(MSG_WELCOME)           },
    {"control",   BIT(MSG_CONTROL_CALL) | BIT(MSG_CONTROL_ANSWER)},
    {"query",     BIT(MSG_QUERY) | BIT(MSG_ANSWER)               },
    {"all",       UINT32_MAX                                     },
};

static bool is_word(struct view given, const char *word)
{
    return word && given.len == strlen(word) && strncasecmp(given.ptr, word, given.len) == 0;
}

static uint32_t kinds_of(struct view word)
{
    for (size_t i = 0; i < AMO_COUNT(words); i++) {
        if (is_word(word, words[i].word))
            return words[i].kinds;
    }
    for (uint64_t kind = 1; kind < 32; kind++) {
        if (is_word(word, msg_name(kind)))
            return BIT(kind);
    }
    return 0;
}

/* What happens to messages and to processes; not what only says that a frame has come. */
#define STEPS                                                                                  \
    (BIT(MSG_EVENT_PUSH) | BIT(MSG_EVENT_EPHEMERAL) | BIT(MSG_RESULT_PUSH) | BIT(MSG_HELLO) |  \
     BIT(MSG_REGISTRY) | BIT(MSG_REFUSED) | BIT(MSG_GOING) | BIT(MSG_REPLAY) |                 \
     BIT(MSG_EVENT_LATER) | BIT(MSG_SHARES) | BIT(MSG_SPOOL_REFUSED) |                         \
     BIT(0)) /* of no known kind */

void filter_offer_words(struct nearest *n)
{
    for (size_t i = 0; i < AMO_COUNT(words); i++)
        nearest_offer(n, view_of(words[i].word));
    for (uint64_t kind = 1; msg_name(kind); kind++)
        nearest_offer(n, view_of(msg_name(kind)));
}

uint32_t filter_kinds_of_steps(void)
{
    return STEPS;
}

int filter_parse_kinds(const char *list, uint32_t *ret_kinds, struct view *ret_word)
{
    uint32_t kinds = 0;

    if (!list) {
        *ret_kinds = ~HEARTBEATS;
        return 0;
    }
    for (;;) {
        struct view word = view_make(list, strcspn(list, ","));
        uint32_t more = kinds_of(word);

        if (!more) {
            *ret_word = word;
            return -EINVAL;
        }
        kinds |= more;
        list += word.len;
        if (*list == '\0')
            break;
        list++;
    }
    *ret_kinds = kinds;
    return 0;
}

static bool field_is(const struct decode_item *item, const char *key, const char *want)
{
    return view_is(pack_text(pack_get(item->fields, key)), want);
}

static bool scope_passes(const struct filter *f, const struct decode_item *item,
                         const struct recall_about *about)
{
    return field_is(item, "scope", f->scope) || field_is(item, "scope_id", f->scope) ||
           (about && about->scope && strcmp(about->scope, f->scope) == 0);
}

bool filter_passes(const struct filter *f, uint64_t kind, const struct decode_item *item,
                   const struct recall_about *about)
{
    if (!(f->kinds & BIT(msg_name(kind) ? kind : 0)))
        return false;
    if (!id_is_zero(&f->trace) && !id_equal(&f->trace, &item->trace) &&
        !(about && id_equal(&f->trace, &about->trace)))
        return false;
    return !f->scope || scope_passes(f, item, about);
}
