#pragma once

/* What every main does in the same order: options, configuration, log, directories, locks; then it opens what
 * needs rights, is confined, connects, is ready, and runs its loop.
 *
 * Exit codes: 0 fine, 1 failed, 2 usage or config, 3 cannot reach the peer, 75 temporary. */

#include "base/compiler.h"
#include "base/config.h"
#include "base/confine.h"

enum {
    EXIT_FINE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_TEMPORARY = 75,
};

/* An option of one program alone, with a value: "--name VALUE". */
struct process_option {
    const char *name;   /* without the dashes */
    const char **value; /* set when it is given; borrows argv */
    const char *kind;   /* of a program that was given it; NULL: as without */
};

/* A path that a program may use while it runs. */
struct process_path {
    const char *what;
    enum {
        PROCESS_PATH_FIXED, /* @what itself */
        PROCESS_PATH_KEY, /* the value of the configuration key @what: a folder, made if need be when it is
                              * written to */
        PROCESS_PATH_PARENT, /* the folder of that value, behind "ipc://" or "sqlite:" */
        PROCESS_PATH_MADE,   /* that value: a file that is read, and made if it is not there */
        PROCESS_PATH_OPTION, /* the value of the program's first option, when it is given */
        PROCESS_PATH_CONFIG, /* the folder of the configuration file, to read it again */
    } kind;
    enum confine_access access;
};

/* What a program is, for its start. */
struct process_program {
    const char *kind;  /* "ingress", "core", "egress" */
    const char *usage; /* printed for --help */
    const struct process_option *options;
    size_t n_options;
    /* what it keeps when it is confined, beside <data_dir>/<kind> and the folder of its tap */
    unsigned powers;                  /* enum confine_power, or-ed */
    const struct process_path *paths; /* NULL: nothing is confined */
    size_t n_paths;
    const char *const *listens; /* configuration keys of the addresses that it listens at */
    size_t n_listens;
};

struct process {
    struct config *config;   /* owned */
    const char *config_path; /* as given; NULL none. Borrows argv */
    const char *kind;        /* of the program */
    const struct process_program *program;
    struct confine_done confined;
    char name[64];    /* config `name`, default the kind */
    int lock_fd;      /* flock on <run_dir>/<name>.lock, -1 when none */
    int data_lock_fd; /* flock on <data_dir>/<kind>/<name>.lock, -1 when none */
};

/* Parses `--config FILE --version --help` and the program's own options; loads the config, sets the log
 * up with the process's name, makes data_dir and run_dir (mode 0750), takes the locks
 * <run_dir>/<name>.lock and <data_dir>/<kind>/<name>.lock (processes of different names may share both
 * directories; a store or spool that must have one user locks itself), confines itself to the files of the
 * program (confine.h; not with the key `confine` = no, and not in a build with sanitizers), blocks SIGTERM,
 * SIGINT and SIGHUP (they arrive through process_signal_fd), ignores SIGPIPE, sets umask 0007.
 * Returns 0, or a positive value: the caller returns (value - 1) from main (so --help gives 1 -> exit 0;
 * config errors 3 -> exit 2). Errors were printed on stderr in words. */
AMO_MUSTCHECK int process_start(struct process *p, const struct process_program *program,
                                int argc, char **argv);
/* The rest of confine.h, after everything that needs rights is open; logs what holds. 0, or the exit code
 * after words on stderr. */
AMO_MUSTCHECK int process_confine(struct process *p);
/* What this process could not give up then, the largest of it: "everything" (it was not to), "calls", "files",
 * "ports"; "" when nothing is missing, and in a build that is never confined. */
const char *process_lacks(void);
/* The variables of the environment that look like settings and are none, as many as fit: of each a line "NAME", or
 * "NAME LIKE" with the one that may be meant. "" none. Never what is set there. */
#define PROCESS_STRANGERS_MAX 512
const char *process_strangers(void);
/* The last line of the log, with the exit code @code; frees what process_start made. Returns @code. */
int process_end(struct process *p, int code);
void process_fini(struct process *p);
/* How a start that failed with -errno ends: EXIT_TEMPORARY when the same start may well succeed
 * later (a disk that failed once or is full, no memory, no descriptors), else EXIT_FAILED. */
int process_exit_code(int rc);
/* A signalfd for SIGTERM, SIGINT, SIGHUP. -errno. */
AMO_MUSTCHECK int process_signal_fd(int *ret_fd);
/* Next signal number from it, 0 when none waits. */
int process_signal_next(int fd);
/* Logs `ready` with @details and tells systemd (NOTIFY_SOCKET) when asked. */
void process_ready(const struct process *p, const char *details);
/* Directory @path and its parents with mode 0750. -errno. */
AMO_MUSTCHECK int process_make_dir(const char *path);
/* mkdir of the directory part of a file's path. */
AMO_MUSTCHECK int process_make_parent(const char *file);
