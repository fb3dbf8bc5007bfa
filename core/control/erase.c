/* `amoctl erase`: who is meant.
 *
 * From: control.c. To: erase.c, which answers when it is done.
 * Holds: nothing. */

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/erase/erase.h"
#include "core/model/phone.h"
#include "proto/limits.h"

/* --- the verb ------------------------------------------------------------------------------- */

static void wait_gone(void *arg)
{
    struct erasure *e = arg;

    e->asker.arg = NULL; /* it goes on without */
}

static void wait_tell(void *arg, int code, struct view report, const char *words)
{
    control_wait_tell(arg, code, report, words);
}

static void wait_drop(void *arg)
{
    control_wait_drop(arg);
}

/* A number, or the digits of one in a text, as amoctl gives it. */
static int conversation_of(struct control_ask *ask, struct erasure *e)
{
    struct conversation conv = {0};
    int64_t id = 0;
    int rc = control_id_of(ask, json_get(json_root(ask->args), "conversation"), &id);

    if (rc)
        return rc;
    rc = store_conversation(ask->core->store, id, &conv);
    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED,
                            "no conversation %lld; see amoctl conversation list",
                            (long long)id);
    rc = rc ? rc : erase_person_add(&e->person, &conv);
    conversation_fini(&conv);
    return rc;
}

/* Somebody types a phone: where accounts of both kinds are, 8… without + may be two. */
static int which_phone(struct control_ask *ask, struct view phone, struct erasure *e)
{
    const struct registry *r = ask->core->turn->registry;
    struct phone here;
    struct phone abroad;
    size_t n_abroad = 0;

    for (size_t i = 0; i < r->n_channels; i++)
        n_abroad += r->channels[i].abroad;
    phone_read(phone, false, &here);
    phone_read(phone, true, &abroad);
    e->person.abroad = n_abroad > 0;
    if (n_abroad > 0 && n_abroad < r->n_channels && strcmp(here.key, abroad.key) != 0)
        return control_fail(ask, EXIT_USAGE,
                            "with an 8 and no + this is one phone in channels of the segment "
                            "ru and another in the others: write it with + and its country");
    return 0;
}

static int phone_of(struct control_ask *ask, struct view phone, struct erasure *e)
{
    int rc = which_phone(ask, phone, e);

    if (rc == 0 && phone.len <= LIMIT_ID)
        rc = erase_person_add_phone(&e->person, phone);
    if (rc == 0 && e->person.n_phones == 0)
        return control_fail(ask, EXIT_USAGE, "a phone has at least %d digits", ERASE_PHONE_MIN);
    e->by_phone = true;
    return rc;
}

static int who_is_meant(struct control_ask *ask, struct erasure *e)
{
    struct view phone = control_arg(ask, "phone");
    bool conversation = json_is_present(json_get(json_root(ask->args), "conversation"));

    if ((phone.len > 0) == conversation)
        return control_fail(ask, EXIT_USAGE, "either a phone or a conversation");
    return conversation ? conversation_of(ask, e) : phone_of(ask, phone, e);
}

int verb_erase(struct control_ask *ask)
{
    struct core *c = ask->core;
    struct erasure *e = NULL;
    int rc = 0;

    if (c->erase->running)
        return control_fail(ask, EXIT_FAILED, "another erasure is under way; try again");
    if (store_damage(c->store))
        return control_fail(ask, EXIT_FAILED,
                            "a part of the store is damaged: what cannot be read cannot be"
                            " erased: amoctl explain the-store-is-damaged");
    e = mem_zalloc(sizeof(*e));
    if (!e)
        return -ENOMEM;
    rc = who_is_meant(ask, e);
    /* absent: false */
    (void)json_bool(json_get(json_root(ask->args), "dry_run"), &e->dry_run);
    (void)json_bool(json_get(json_root(ask->args), "unowned"), &e->unowned_too);
    if (rc) {
        erase_person_fini(&e->person);
        mem_free(e);
        return rc;
    }
    rc = erase_start(c, e);
    if (rc)
        return rc;
    ask->wait = control_wait_new(c, e, wait_gone);
    if (!ask->wait) {
        erase_abandon(c);
        return control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY);
    }
    e->asker = (struct erase_asker){ask->wait, wait_tell, wait_drop};
    return CONTROL_LATER;
}
