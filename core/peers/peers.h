#pragma once

/* Sessions of ingress and egress processes: HELLO, WELCOME, heartbeats, silence. A frame of a
 * session core does not know is answered HELLO_AGAIN and not acted upon. */

#include <sys/types.h>

#include "base/buf.h"
#include "base/ids.h"
#include "base/list.h"
#include "base/process.h"
#include "core/peers/fates.h"
#include "core/peers/heard.h"
#include "core/peers/trail.h"
#include "core/turn/turn.h"
#include "proto/messages.h"

struct bus_socket;
struct gates;
struct heartbeat;
struct hello;
struct spool;

/* So often HELLO was said on a connection. */
struct hellos {
    int64_t since_mono_ms;
    unsigned n;
};

/* What an ingress says of itself with each heartbeat; all of it cleaned, to be shown. 0 and "": an older one, which
 * does not say. */
struct peer_state {
    uint64_t spool_max; /* bytes that its spool may have */
    uint64_t disk_free; /* where its spool is */
    uint64_t disk_size;
    bool closed;            /* it takes nothing now … */
    char lines[512];        /* … for these reasons; or remarks; parted by "; " */
    int64_t closed_from_ms; /* wall times of the last time that it took nothing; 0 none known */
    int64_t closed_to_ms;
    char closed_why[32];
};

/* One session. A worker is a peer with role egress. */
struct peer {
    struct list link;
    enum role role;
    struct bus_socket *socket; /* borrowed: events or commands */
    unsigned char route[256];  /* routing id */
    size_t route_len;
    char name[64];
    char version[32];
    char lacks[16]; /* what it could not give up at its start; "" nothing, or not said */
    char strangers[PROCESS_STRANGERS_MAX]; /* as process_strangers(), signs cleaned */
    struct id boot;
    pid_t pid;        /* of its process; 0 not known, or of another pid namespace */
    uint64_t session; /* sockets its process had opened; 0 not said */
    int64_t heard_mono_ms;
    int64_t since_unix_ms;
    uint64_t registry_version; /* held by it */
    int64_t told_mono_ms;      /* when the registry was sent to it last */
    struct hellos hellos;
    bool
        uncovered; /* secrets were sent, which the next answer overwrites in libzmq's buffers */
    bool ended;    /* no frame of this session is acted upon any more */
    struct buf acks; /* pairs to be acknowledged after this turn's commit */
    /* ingress */
    struct spool *spool;
    size_t n_open;     /* events of it in this turn, which no EVENT_TAKEN names yet … */
    size_t bytes_open; /* … and their bytes: what it had under way, at least */
    bool
        forgets; /* its process knows of more acknowledged events than this store: the store is an
                     older copy */
    uint64_t
        sent_before; /* below it every number may have been sent before this life of core */
    uint64_t held_before; /* below it every number was in the spool when it said HELLO */
    uint64_t n_again;     /* so many of these were in the spool when it said HELLO, at most */
    uint64_t sends_from;  /* below it nothing is sent in this session, as far as it has said */
    uint64_t spool_events;
    uint64_t spool_bytes;
    struct peer_state state; /* what it knows of itself */
    struct buf refused;      /* sources it refused lately; ingress/accept/refused.h */
    uint64_t turned;         /* number of the last SPOOL_ROTATE it has answered */
    uint64_t kept_files;     /* damaged ones, at that time */
    int64_t turn_asked_mono_ms;
    /* egress */
    uint64_t credit;
    uint64_t credit_bytes;
    uint64_t places; /* attempts it makes at once; 0: an older one, which does not say */
    uint64_t busy;
    size_t n_in_flight;
    size_t bytes_in_flight;
    size_t n_unasked; /* results that were not of an attempt under way here, since … */
    int64_t unasked_mono_ms;
    struct buf batch; /* packed commands of this turn */
    size_t n_batch;
};

/* A process known before the restart that has not reconnected yet. */
struct known_worker {
    struct list link; /* peers->known_workers, peers->known_ingresses */
    char name[64];
};

struct peers {
    struct id boot;              /* names this life of core to the edges */
    struct bus_socket *events;   /* of the ingresses */
    struct bus_socket *commands; /* of the workers */
    struct gates *gates;         /* who may speak at these, and at control */
    struct list list;            /* struct peer */
    size_t n;
    int64_t
        frame_unix_ms; /* when its sender sent the frame that is read, by its clock; 0 none is */
    struct list spools;
    struct trail trail; /* what the ingresses refused */
    struct fates fates; /* what became of what services took */
    struct heard heard; /* how much has come from whom */
    /* after a start: who is awaited, and until when */
    struct list known_workers;
    struct list known_ingresses; /* what they send again may be the cause of what others do */
    int64_t settling_until_ms;
};

/* -ENOMEM, -EIO. */
AMO_MUSTCHECK int peers_new(struct core *c);
/* Processes that were there before this start are awaited for one lease. -errno of the store. */
AMO_MUSTCHECK int peers_await(struct core *c);
/* It is here, or not waited for any more. */
void known_worker_free(struct known_worker *k);
void peers_free(struct core *c);
/* The session of routing id @route on socket @s; NULL none. */
struct peer *peer_find(struct core *c, struct view route, const struct bus_socket *s);
/* A new session of the process behind @h, owned by @c; NULL: no room, or no name. */
struct peer *peer_new(struct core *c, struct bus_socket *s, struct view route,
                      const struct hello *h, const struct id *boot);
/* May one more named @name come, of process @pid (0 not known)? Whoever has taken over a worker cannot keep ingresses
 * out, nor, where the kernel tells processes apart, other workers. */
bool peers_have_room(const struct core *c, enum role role, struct view name, pid_t pid);
/* Forgets the session; its commands are its caller's to see to. */
void peer_free(struct core *c, struct peer *p);
/* What a worker says it can take, as far as that is believed. */
void peer_told_credit(struct peer *p, uint64_t credit, uint64_t bytes, uint64_t places);
/* What an ingress says of itself, as far as that is believed. */
void peer_told_state(struct peer *p, const struct heartbeat *hb, int64_t now_unix_ms);
/* REGISTRY to one edge. */
void peer_send_registry(struct core *c, struct peer *p);

/* Did a frame come from this peer lately? */
bool peer_is_alive(const struct peer *p, int64_t now_mono_ms);
/* Will it tell soon what became of what it holds? One that has missed two heartbeats does not, long before it counts as
 * dead: that comes back when its lease is over. */
bool peer_tells(const struct peer *p, int64_t now_mono_ms);
bool peers_have_worker(const struct core *c, int64_t now_mono_ms);
/* So many attempts it makes at once: more would only wait there. */
size_t peer_places(const struct peer *p);
/* The worker with most room for a command of @bytes; NULL when there is none. */
struct peer *peers_pick_worker(struct core *c, size_t bytes, int64_t now_mono_ms);
/* Do all live ingresses hold registry @version? */
bool peers_hold_registry(const struct core *c, uint64_t version, int64_t now_mono_ms);
/* Send at once (no promise hangs on it). @trace may be NULL. */
void peer_send(struct core *c, struct peer *p, enum msg_kind kind, const struct id *trace,
               struct view body);
/* A frame that leaves after the commit of this turn. @trace may be NULL. */
AMO_MUSTCHECK int peer_post(struct core *c, const struct peer *p, enum msg_kind kind,
                            const struct id *trace, struct view body);
/* GOING to every ingress: this end is in order. @counts: something failed that the event in hand may
 * be the cause of, so the same one must not be in hand too often. */
void peers_say_going(struct core *c, bool counts);
/* REGISTRY to every edge. */
void peers_send_registry(struct core *c);
/* The sessions that other processes than @boot have with this spool are over. */
void peers_end_others(struct core *c, const struct spool *s, const struct id *boot);
/* Nothing of this session is acted upon any more; it is asked to say HELLO again when this turn is
 * committed. */
void peer_end(struct core *c, struct peer *p);
