/* The reasons for which a message was given up, for people. */

#include "core/questions/reason.h"

#include "base/compiler.h"

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
