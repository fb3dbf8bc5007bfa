/* Counts the commands and calls that a worker has in flight, and the bytes of the commands. */

#include "core/peers/worker.h"

void worker_take(struct peer *p, struct core_command *cmd)
{
    cmd->worker = p;
    cmd->forsaken = false;
    queue_place_taken(cmd);
    p->n_in_flight++;
    p->bytes_in_flight += cmd->body_len;
}

void worker_landed(struct core_command *cmd)
{
    if (!cmd->worker)
        return; /* its worker has been silent */
    queue_place_left(cmd);
    cmd->worker->n_in_flight--;
    cmd->worker->bytes_in_flight -= cmd->body_len;
    cmd->worker = NULL;
}

void worker_take_call(struct peer *p)
{
    p->n_in_flight++;
}

void worker_call_landed(struct peer *p)
{
    p->n_in_flight--;
}
