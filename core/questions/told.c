/* What amo was told of a message, and what the reason of its end says to people.
 *
 * From: whoever shows one. To: nobody. Holds: nothing. */

#include "core/questions/told.h"

#include "base/compiler.h"

#include "core/model/message.h"

void told_json(const struct message *m, struct json_writer *w)
{
    int64_t status = m->reported_status;
    bool delayed = status == REPORTED_DELAYED;

    if (status == 0) {
        json_add_null(w, "told");
        return;
    }
    json_add_text(w, "told", view_of(delayed ? "delayed" : message_told_name(status)));
    json_add_int(w, "told_status", delayed ? -1 : status);
    if (m->reported_ms)
        json_add_time(w, "told_at", m->reported_ms);
    if (m->reported_code)
        json_add_int(w, "told_code", m->reported_code);
    json_add_text_if(w, "told_words", view_of(m->reported_words));
    json_add_text_if(w, "service_code", view_of(m->reported_why));
}

/* Reasons that say little by themselves (core/deliver/settle.c, core/watch.c). */
const char *reason_words(struct view reason)
{
    static const struct {
        const char *reason;
        const char *words;
    } all[] = {
        {"refused",      "refused by the other side"                             },
        {"life_time",    "its life time was over"                                },
        {"unclear",      "nobody knows whether it arrived"                       },
        {"parent",       "the message that it is about was given up"             },
        {"workers_lost", "workers were lost with it in hand"                     },
        {"core_lost",    "core died with it in hand, each time"                  },
        {"away",         "its account was disconnected for too long"             },
        {"account_left", "its account was disconnected"                          },
        {"moved",        "its conversation moved to another account or connector"},
        {"nobody",       "its conversation reaches nobody"                       },
        {"unregistered", "its account or connector was removed"                  },
        {"dropped",      "an operator dropped it from the queue"                 },
        {"erased",       "its person was erased"                                 },
        {"server",       "the other side failed each time"                       },
        {"timeout",      "the other side did not answer in time"                 },
        {"cut",          "the other side ended the connection without an answer" },
        {"connect",      "the other side could not be reached"                   },
        {"not_found",    "the other side does not know what it is about"         },
        {"gone",         "the other side says that it is gone"                   },
        {"forbidden",    "the other side did not accept our signature"           },
        {"unreadable",   "it cannot be read any more"                            },
    };

    for (size_t i = 0; i < AMO_COUNT(all); i++) {
        if (view_is(reason, all[i].reason))
            return all[i].words;
    }
    return NULL;
}
