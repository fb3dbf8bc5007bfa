#pragma once

/* Everything an outsider can grow has its limit here, with unit and reason. */

/* HTTP, from outside */
#define LIMIT_AMO_BODY       (2U << 20) /* bytes of an amojo webhook; a long text is legal (N1) */
#define LIMIT_CONNECTOR_BODY (256U << 10) /* bytes of a connector's request */
#define LIMIT_HEADER_BYTES   (16U << 10)  /* memory that the head of a request may take */
#define LIMIT_ANSWER_HEAD    (8U << 10)   /* memory kept for the head of its answer */
#define LIMIT_BODIES_BYTES                                                                     \
    (64U << 20) /* unverified bodies being read at once, of all connections together */
#define LIMIT_STRANGER_BODIES                                                                  \
    (48U << 20) /* of these, from addresses that verified nothing lately */
#define LIMIT_ADDRESS_BODIES  (8U << 20)  /* of these, from one such address */
#define LIMIT_TOKEN_BODIES    (32U << 20) /* bodies being read at once behind good tokens */
#define LIMIT_URL             2048U       /* bytes of a request target */
#define LIMIT_REQUEST_MS      10000       /* from the first byte to the last of one request */
#define LIMIT_SHORT_MS        3000        /* the same for strangers while places are short */
#define LIMIT_IDLE_S          30U         /* kept-alive connection without a request */
#define LIMIT_UNVERIFIED_RATE 50U   /* unverified requests a second of one address, then 429 */
#define LIMIT_ADDRESSES       4096U /* remembered without a connection; the oldest is forgotten */
#define LIMIT_SITE            4U    /* shares of an address that an IPv6 network of /48 has */
#define LIMIT_KNOWN           1024U /* addresses remembered as verified lately; about 0.3 MiB */
#define LIMIT_KNOWN_MS        (24LL * 3600 * 1000) /* that is: since when */
#define LIMIT_SIGNATURES      8U                   /* entries in webhook-signature (C4) */
#define LIMIT_SIGNATURE_BYTES 1024U
#define LIMIT_WEBHOOK_SKEW_S  300 /* Standard Webhooks tolerance, either way */
#define LIMIT_JSON_DEPTH      1000U

/* Fields of a message, bytes */
#define LIMIT_SERVICE_ID 128U /* an id a service gives a message (B2) */
#define LIMIT_ID         512U /* any other id from outside */
#define LIMIT_NAME       1024U
#define LIMIT_CAPTION    (16U << 10) /* of a post; 2,200 letters of any script are half of it */
#define LIMIT_ERROR_TEXT 255U        /* shown to a manager (amojo 3.5) */
#define LIMIT_STATUSES   100U        /* items of one statuses call (B2) */
#define LIMIT_EMOJI      64U         /* the longest of Unicode are half of it */

/* Questions of ingress to core (GET …/messages/{id}) */
#define LIMIT_QUERIES                                                                          \
    256U /* waiting in one ingress, half of them of one connector: each holds a connection */
#define LIMIT_QUERY_MS 5000 /* then the caller is asked to come back later */
#define LIMIT_EPHEMERAL_BYTES                                                                  \
    (16U << 10) /* of an event that lives for seconds; larger is dropped */

/* Spool */
#define LIMIT_SEGMENT_BYTES (16U << 20)
#define LIMIT_SHARES        256U /* accounts of each side of the spool; further ones share one */
#define LIMIT_REPEAT_ENTRIES                                                                   \
    196608U /* connector ids remembered for 24 h, half of them of one connector; its oldest go first */
#define LIMIT_REPEAT_MS (24LL * 3600 * 1000)
#define LIMIT_WEBHOOK_IDS                                                                      \
    98304U /* webhook-ids likewise: 80 signed requests a second of one connector */
#define LIMIT_WEBHOOK_ID_MS                                                                    \
    (2LL * LIMIT_WEBHOOK_SKEW_S * 1000) /* as long as a signature can hold */

/* Bus */
#define LIMIT_CREDIT_EVENTS 512U        /* events in flight from one ingress */
#define LIMIT_CREDIT_BYTES  (8U << 20)  /* their bytes; one larger event may travel alone */
#define LIMIT_FRAME_BYTES   (16U << 20) /* of any frame; ZMQ_MAXMSGSIZE at the edges */
#define LIMIT_FRAME_EVENTS  256U        /* events in one EVENT_PUSH */
/* Zeros behind a registry: with what is around them more than one of libzmq's buffers of 8,192 bytes, but
 * less in themselves, or libzmq would send them without using its buffer. */
#define LIMIT_COVER_BYTES   8100U
#define LIMIT_HWM           4096 /* frames to be sent; above any credit, so it never bites */
/* What core reads. Of each connection it keeps as many frames as LIMIT_READ_FRAMES, and the one that
 * is arriving: 198 MiB at most, of a peer that keeps to no credit. The rest waits at the peer. An edge
 * puts 1 MiB into a frame and then one event or result, of twice a webhook at most. */
#define LIMIT_READ_BYTES    (6U << 20)  /* ZMQ_MAXMSGSIZE; a control call has 4 MiB */
#define LIMIT_READ_FRAMES   32          /* ZMQ_RCVHWM; half as many, and turns become smaller */
#define LIMIT_TURN_BYTES    (16U << 20) /* read of one socket in one turn, and one frame more */
#define LIMIT_TAP_HWM       1000        /* frames a slow monitor may lag before drops */
#define LIMIT_PEERS         256U /* edges one core knows at once, half of them of each role … */
#define LIMIT_PEERS_OF_ONE  16U   /* … and so many names of one process, which needs one */
#define LIMIT_SPOOLS        1024U /* whose numbers core knows, of up to 16 KiB each */

/* Egress and core */
#define LIMIT_WORKER_CREDIT                                                                    \
    16384U /* attempts one worker may hold, whatever it says: twice what it makes at once */
#define LIMIT_WORKER_BYTES   (64U << 20) /* their bytes likewise */
/* Results in ten seconds that are not of an attempt under way at that worker: all that it may hold, told
 * twice. Who tells more ends its session. */
#define LIMIT_UNASKED        ((size_t)2 * LIMIT_WORKER_CREDIT)
#define LIMIT_ANSWER_BYTES   (1U << 20) /* read of a remote side's answer */
#define LIMIT_EVIDENCE_BYTES 2048U      /* of an answer kept with an attempt */
#define LIMIT_WAITING        100000U    /* events that wait for what they are about … */
#define LIMIT_WAITING_ALL    200000U    /* … and with those of who has little there */
#define LIMIT_WAITING_ECHO   10000U     /* room above them for what may be an echo */
#define LIMIT_COMMANDS                                                                         \
    1000000U /* waiting in core, of 300 to 475 bytes each: half a GB; core/commands_max */
#define LIMIT_RETRY_AFTER_MS (3600LL * 1000)
/* so often core tells the ingresses who is over a share, while somebody is */
#define LIMIT_SHARES_TOLD_MS 5000
#define LIMIT_CONTROL_BYTES  (4U << 20)
#define LIMIT_LIST_ROWS      1000U /* rows of one amoctl list */
#define LIMIT_ORDERS         10000 /* of operators that are kept: about 3 MiB */
#define LIMIT_ORDERS_OTHER   2000 /* … of those that changed nothing: refused, or to reveal */
#define LIMIT_ORDER_BYTES    1024U /* arguments of one, and why it failed, as they are kept */
#define LIMIT_ERASE          1000U /* conversations erased in one go */
#define LIMIT_REBUILD_BYTES                                                                    \
    (64LL << 20) /* of a store rewritten while core runs: about a second without writing */
#define LIMIT_IMPORT_BATCH 500U /* conversations of one conversation.import */
