/* Any bytes as the registry that core sends to an edge: what is let through can be sent on to
 * either role, comes back the same, and its look-ups hold for every row. */

#include "base/buf.h"
#include "proto/pack.h"
#include "proto/registry.h"
#include "tests/fuzz/same.h"

static void check_texts(const struct registry *r)
{
    for (size_t i = 0; i < r->n_channels; i++) {
        FUZZ_MUST(r->channels[i].id && r->channels[i].url && r->channels[i].bot_id);
        FUZZ_MUST(registry_channel(r, view_of(r->channels[i].id)));
    }
    for (size_t i = 0; i < r->n_connectors; i++)
        FUZZ_MUST(registry_connector(r, view_of(r->connectors[i].name)));
    for (size_t i = 0; i < r->n_scopes; i++) {
        struct view id = view_of(r->scopes[i].id);
        struct view channel = registry_scope_channel(id);
        struct view account = registry_scope_account(id);

        FUZZ_MUST(registry_scope(r, id));
        FUZZ_MUST(!account.ptr || channel.len + 1 + account.len == id.len);
    }
    for (size_t i = 0; i < r->n_sources; i++) {
        const struct reg_scope *s = NULL;
        bool known = false;

        s = registry_scope_of_source(r, view_of(r->sources[i].connector),
                                     view_of(r->sources[i].source), &known);
        FUZZ_MUST(!s || (known && !s->disconnected));
    }
}

/* An edge of @role gets it: nothing is lost but what the role may not see. */
static void check_sent(const struct registry *r, enum role role)
{
    struct registry *back = NULL;
    struct buf out;
    struct buf again;

    buf_init(&out, FUZZ_OUT_MAX);
    buf_init(&again, FUZZ_OUT_MAX);
    FUZZ_MUST(registry_encode(r, role, &out) == 0);
    FUZZ_MUST(registry_decode(buf_view(&out), &back) == 0);
    FUZZ_MUST(r->version == back->version && r->n_scopes == back->n_scopes &&
              r->n_sources == back->n_sources);
    FUZZ_MUST(registry_encode(back, role, &again) == 0);
    FUZZ_MUST(view_equal(buf_view(&out), buf_view(&again)));
    for (size_t i = 0; role == ROLE_EGRESS && i < back->n_connectors; i++)
        FUZZ_MUST(!back->connectors[i].tokens[0].bytes);
    registry_free(back);
    buf_fini(&again);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct registry *r = NULL;
    int rc = registry_decode(view_make(bytes, len), &r);

    FUZZ_MUST(rc == 0 || rc == PACK_E_MALFORMED);
    if (rc)
        return 0;
    check_texts(r);
    check_sent(r, ROLE_INGRESS);
    check_sent(r, ROLE_EGRESS);
    registry_free(r);
    return 0;
}
