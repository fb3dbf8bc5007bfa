/* May the account that a command leaves, or the service, have it already? */

#include "core/deliver/parting.h"

#include "base/clock.h"
#include "base/config.h"

/* Design.
 *
 *   what is known                                  can be asked    cannot (left, paused, held too long)
 *   an attempt without a clear outcome             ask             unclear: a dead letter, with words
 *   done, perhaps, by a core that is forgotten     ask             unclear
 *   in flight when its conversation moved, and     ask             unclear
 *   core died
 *   refused, and not believed: it may be known    ask             unclear
 *   503 or 408: hardly ever anything but a refusal ask             goes along
 *   first of its lane when core started            ask             goes along
 *   nothing                                        goes along      goes along */

bool parting_is_over(const struct core *c, const struct core_command *cmd)
{
    int64_t most = (int64_t)(config_number(c->config, "retry/window_ms") +
                             config_number(c->config, "core/looks_ms"));

    return cmd->parting_mono_ms && clock_mono_ms() - cmd->parting_mono_ms > most;
}

int parting_note(struct core *c, struct core_command *cmd)
{
    if (!command_is_message(cmd->kind) || cmd->unsure)
        return 0;
    cmd->unsure = cmd->noted = true;
    return store_command_unsure(c->store, cmd->id, true);
}

void parting_home(struct core *c, struct core_command *cmd)
{
    int rc = 0;

    if (!cmd->noted)
        return;
    cmd->unsure = cmd->noted = false;
    rc = store_command_unsure(c->store, cmd->id, false);
    if (rc)
        core_row_failed(c, "parting", rc); /* it is looked for in vain, should core die now */
}

static bool can_be_asked(const struct core *c, const struct core_command *cmd,
                         const struct command_row *row)
{
    const struct dest *scope = cmd->lane->scope;

    return row->scope && registry_scope_connected(c->turn->registry, view_of(row->scope)) &&
           scope && !scope->paused && !parting_is_over(c, cmd);
}

int parting_may_be_at_client(struct core *c, const struct core_command *cmd, bool *ret)
{
    int64_t since = 0;
    int rc = store_message_unclear(c->store, cmd->message, &since);

    *ret = cmd->unsure || cmd->first || since != 0;
    return rc;
}

int parting_may_be_at_old_service(struct core *c, const struct core_command *cmd, bool *ret)
{
    int rc = store_message_maybe_at_service(c->store, cmd->message, ret);

    *ret = *ret || cmd->unsure;
    return rc;
}

bool parting_may_have_arrived(struct core *c, const struct core_command *cmd)
{
    const struct dest *scope = cmd->lane->scope;
    enum unclear_attempts tried = UNCLEAR_NONE;
    int rc = 0;

    if (!command_is_message(cmd->kind))
        return false;
    if (cmd->unsure || cmd->unproven ||
        (command_is_for_service(cmd->kind) && (cmd->first || cmd->again)))
        return true;
    rc = store_command_unclear(c->store, cmd->id, scope ? scope->name : "", &tried);
    if (rc)
        core_row_failed(c, "attempts", rc);
    return rc || tried == UNCLEAR_ANY;
}

int parting_of(struct core *c, const struct core_command *cmd, const struct command_row *row,
               enum parting *ret)
{
    enum unclear_attempts tried = UNCLEAR_NONE;
    bool likely = false;
    int rc = 0;

    *ret = PARTING_FREE;
    if (!command_is_new_at_amo(cmd->kind))
        return 0;
    rc = store_command_unclear(c->store, cmd->id, row->scope, &tried);
    if (rc)
        return rc;
    likely = tried == UNCLEAR_ANY || cmd->unsure;
    if (!likely && tried == UNCLEAR_NONE && !cmd->first)
        return 0;
    if (can_be_asked(c, cmd, row))
        *ret = PARTING_ASK;
    else if (likely)
        *ret = PARTING_UNCLEAR;
    return 0;
}
