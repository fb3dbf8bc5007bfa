/* What the verbs that rotate secrets and tokens have in common: reading the overlap, showing
 * when the old one ends, and removing it once its time is over. */

#include "core/control/rotation.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/num.h"
#include "base/process.h"
#include "core/queue/queue.h"

#define HOUR_MS        3600000LL
#define OVERLAP_MAX_H  720
#define ROTATION_IS_ON "a rotation is under way until %s: end it with --finish first"

int rotation_read(struct control_ask *ask, int64_t old_until_ms, struct rotation *ret)
{
    const struct json_node *root = json_root(ask->args);
    const struct json_node *hours = json_get(root, "overlap_hours");
    bool finish = false;
    char until[CLOCK_ISO_LEN + 1];

    *ret = (struct rotation){.overlap_h = -1};
    if (json_bool(json_get(root, "finish"), &finish) && finish) {
        ret->finish = true;
        return old_until_ms ? 0 : control_fail(ask, EXIT_FAILED, "no rotation is under way");
    }
    if (hours && (!json_int(hours, &ret->overlap_h) || ret->overlap_h < 0 ||
                  ret->overlap_h > OVERLAP_MAX_H))
        return control_fail(ask, EXIT_USAGE, "the overlap must be 0 to %d hours",
                            OVERLAP_MAX_H);
    if (!old_until_ms || ret->overlap_h == 0)
        return 0;
    clock_format_iso(old_until_ms, until);
    return control_fail(ask, EXIT_FAILED, ROTATION_IS_ON, until);
}

int64_t rotation_until(struct core *c, int64_t overlap_h)
{
    if (overlap_h < 0)
        overlap_h = (int64_t)config_number(c->config, "core/overlap_hours");
    return clock_unix_ms() + overlap_h * HOUR_MS;
}

void rotation_json(struct json_writer *w, int64_t old_until_ms)
{
    char until[CLOCK_ISO_LEN + 1];

    clock_format_iso(old_until_ms, until);
    json_add_text(w, "old_valid_until", old_until_ms ? view_of(until) : VIEW_NONE);
}

int rotation_set(struct control_ask *ask, const struct reg_set *kept, struct reg_set *ret)
{
    const char *by = kept ? kept->by : ask->user;

    *ret = (struct reg_set){.ms = kept ? kept->ms : clock_unix_ms()};
    return control_copy(by ? view_of(by) : VIEW_NONE, &ret->by);
}

void rotation_set_json(struct json_writer *w, const char *key, const struct reg_set *set)
{
    char at_key[64];
    char by_key[64];

    (void)snprintf(at_key, sizeof(at_key), "%s_set_at", key); /* "secret", "token" */
    (void)snprintf(by_key, sizeof(by_key), "%s_set_by", key);
    json_add_time(w, at_key, set->ms);
    json_add_text(w, by_key, set->by && *set->by ? view_of(set->by) : VIEW_NONE);
}

void rotation_release(struct core *c, struct view channel)
{
    for (size_t i = 0; i < c->turn->registry->n_scopes; i++) {
        const struct reg_scope *s = &c->turn->registry->scopes[i];
        struct dest *d = NULL;

        if (!view_is(channel, s->channel))
            continue;
        d = queue_dest(c->queue, DEST_SCOPE, view_of(s->id));
        if (d && d->hold == HOLD_FORBIDDEN)
            dest_release(d, clock_mono_ms());
    }
    core_wake(c);
}

/* Puts the row back without what is over; secrets are lent to it. */
static int forget_old(struct core *c, const struct reg_channel *ch,
                      const struct reg_connector *con)
{
    struct reg_channel channel;
    struct reg_connector connector;
    int rc = core_turn(c);

    if (rc)
        return rc;
    if (ch) {
        channel = *ch;
        memset(&channel.secrets[1], 0, sizeof(channel.secrets[1]));
        channel.old_until_ms = 0;
        return store_channel_put(c->store, &c->turn->keys, &channel, VIEW_NONE);
    }
    connector = *con;
    memset(&connector.secrets[1], 0, sizeof(connector.secrets[1]));
    memset(&connector.tokens[1], 0, sizeof(connector.tokens[1]));
    connector.old_until_ms = 0;
    return store_connector_put(c->store, &c->turn->keys, &connector);
}

void rotation_tick(struct core *c, int64_t now_unix_ms)
{
    const struct registry *r = c->turn->registry;
    char space[LOG_VALUE_MAX];
    bool changed = false;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->n_channels; i++) {
        const struct reg_channel *ch = &r->channels[i];

        if (!ch->old_until_ms || now_unix_ms < ch->old_until_ms)
            continue;
        changed = true;
        rc = forget_old(c, ch, NULL);
        log_line(LOG_LEVEL_INFO, "rotation.over", "channel=%s",
                 log_value(view_of(ch->id), space));
    }
    for (size_t i = 0; rc == 0 && i < r->n_connectors; i++) {
        const struct reg_connector *con = &r->connectors[i];

        if (!con->old_until_ms || now_unix_ms < con->old_until_ms)
            continue;
        changed = true;
        rc = forget_old(c, NULL, con);
        log_line(LOG_LEVEL_INFO, "rotation.over", "connector=%s",
                 log_value(view_of(con->name), space));
    }
    if (rc == 0 && changed)
        rc = core_registry_changed(c);
    if (rc)
        core_row_failed(c, "rotation", rc);
}
