/* A ring of what frames amount to, and the names of sessions as their own taps tell them. */

#include "tools/monitor/edges.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/ids.h"
#include "base/mem.h"
#include "proto/messages.h"

#define EDGES_FRAMES   1024U
#define EDGES_SESSIONS 64U
#define EDGES_NAME_MAX 64

struct told {
    uint64_t sum; /* of head and body; 0: a free place */
    char process[EDGES_NAME_MAX];
};

struct session {
    struct id boot; /* zero: a free place */
    char process[EDGES_NAME_MAX];
};

struct edges {
    struct told frames[EDGES_FRAMES];
    size_t n_frames; /* ever; the oldest gives way, as below */
    struct session sessions[EDGES_SESSIONS];
    size_t n_sessions;
};

int edges_new(struct edges **ret_edges)
{
    *ret_edges = mem_zalloc(sizeof(**ret_edges));
    return *ret_edges ? 0 : -ENOMEM;
}

void edges_free(struct edges *e)
{
    mem_free(e);
}

/* FNV-1a. Two unlike frames of one sum are one line less on a screen. */
static uint64_t add_to_sum(uint64_t sum, struct view bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        sum = (sum ^ (unsigned char)bytes.ptr[i]) * 1099511628211U;
    return sum;
}

bool edges_have_told(struct edges *e, const struct tap_message *m)
{
    uint64_t sum = add_to_sum(add_to_sum(14695981039346656037U, m->head), m->body);
    struct told *place = &e->frames[e->n_frames % EDGES_FRAMES];

    for (size_t i = 0; i < EDGES_FRAMES; i++) {
        /* each tap has it once: the same from the same one is another frame */
        if (e->frames[i].sum == sum && !view_is(m->process, e->frames[i].process)) {
            e->frames[i].sum = 0;
            return true;
        }
    }
    if (view_copy(m->process, place->process, sizeof(place->process)) == 0) {
        place->sum = sum;
        e->n_frames++;
    }
    return false;
}

bool edges_ends(uint64_t kind, const char **ret_from, const char **ret_to)
{
#define END_INGRESS                               "ingress"
#define END_CORE                                  "core"
#define END_EGRESS                                "egress"
#define END_EDGE                                  "edge"
#define END_AMOCTL                                "amoctl"
#define ENDS_ROW(name, number, from, to, meaning) [number] = {END_##from, END_##to},
    static const char *const ends[][2] = {MSG_TABLE(ENDS_ROW)};
#undef ENDS_ROW

    if (kind >= AMO_COUNT(ends) || !ends[kind][0])
        return false;
    *ret_from = ends[kind][0];
    *ret_to = ends[kind][1];
    return true;
}

/* Is this the tap of who is at the other end from core? */
static bool is_edges_own(uint64_t kind, char direction)
{
    const char *from = NULL;
    const char *to = NULL;

    return edges_ends(kind, &from, &to) && (strcmp(to, "core") == 0) == (direction != '<');
}

struct view edges_name(struct edges *e, const struct tap_message *m, const struct envelope *env)
{
    struct session *place = &e->sessions[e->n_sessions % EDGES_SESSIONS];

    for (size_t i = 0; i < EDGES_SESSIONS && !id_is_zero(&env->edge_boot); i++) {
        if (id_equal(&e->sessions[i].boot, &env->edge_boot))
            return view_of(e->sessions[i].process);
    }
    if (!id_is_zero(&env->edge_boot) && is_edges_own(env->kind, m->direction) &&
        view_copy(m->process, place->process, sizeof(place->process)) == 0) {
        place->boot = env->edge_boot;
        e->n_sessions++;
    }
    return m->process;
}
