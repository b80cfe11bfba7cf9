/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* daruma-anchor: the secure element of one device, as a process of its own. */
#include "base/check.h"
#include "base/secret.h"
#include "boards/anchor/serve.h"
#include "crypto/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PEM_BYTES_MAX 4096
#define EXIT_USAGE 64

static const char usage[] =
    "daruma-anchor: secure element of one device\n"
    "\n"
    "usage: daruma-anchor --create --dir DIR [--key-from-host NORMAL.pem\n"
    "                     --key-from-host-recovery RECOVERY.pem]\n"
    "       daruma-anchor --dir DIR --fd N            serve an inherited stream\n"
    "       daruma-anchor --dir DIR --socket PATH     listen; one client at a time\n"
    "\n"
    "  --create                   make the files of a blank anchor; the whole stay\n"
    "  --key-from-host FILE       tests only: identity keys from outside, marked so\n"
    "\n"
    "a part that is slow or fails (for tests):\n"
    "  --latency-ms N             before each answer\n"
    "  --ignore-every N           each Nth request is not carried out\n"
    "  --lose-every N             each Nth request is carried out and not answered\n"
    "  --fail-every N             each Nth state change fails\n"
    "  --die-before-write N       dies before the Nth state change is on the disk\n"
    "  --die-after-write N        dies after it, before it answers\n";

struct options {
    const char *directory;
    const char *socket_path;
    const char *key_normal;
    const char *key_recovery;
    int fd;
    bool create;
    bool help;
    struct dr_anchor_faults faults;
};

static volatile sig_atomic_t stop_requested;

static void on_stop(int number)
{
    (void)number;
    stop_requested = 1;
}

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "daruma-anchor: internal fault at %s:%d\n", file, line);
    abort();
}

static int complain(const char *what, enum dr_status status)
{
    fprintf(stderr, "daruma-anchor: %s: %s\n", what, dr_status_text(status));
    return EXIT_FAILURE;
}

/* A decimal number, at most maximum. */
static bool parse_number(const char *text, unsigned long maximum, unsigned long *ret_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || number > maximum) {
        return false;
    }
    *ret_number = number;
    return true;
}

static bool parse_value(struct options *options, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **target;
    } texts[] = {
        {"--dir", &options->directory},
        {"--socket", &options->socket_path},
        {"--key-from-host", &options->key_normal},
        {"--key-from-host-recovery", &options->key_recovery},
    };
    const struct {
        const char *name;
        uint32_t *target;
    } numbers[] = {
        {"--latency-ms", &options->faults.latency_ms},
        {"--ignore-every", &options->faults.ignore_every},
        {"--lose-every", &options->faults.lose_every},
        {"--fail-every", &options->faults.fail_every},
        {"--die-before-write", &options->faults.die_before_write},
        {"--die-after-write", &options->faults.die_after_write},
    };
    unsigned long number = 0;
    for (size_t i = 0; i < DR_ARRAY_COUNT(texts); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].target = value;
            return true;
        }
    }
    for (size_t i = 0; i < DR_ARRAY_COUNT(numbers); i++) {
        if (strcmp(name, numbers[i].name) == 0 && parse_number(value, UINT32_MAX, &number)) {
            *numbers[i].target = (uint32_t)number;
            return true;
        }
    }
    if (strcmp(name, "--fd") == 0 && parse_number(value, 1023, &number)) {
        options->fd = (int)number;
        return true;
    }
    return false;
}

static bool parse(struct options *options, int argc, char **argv)
{
    memset(options, 0, sizeof *options);
    options->fd = -1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            options->help = true;
            return true;
        }
        if (strcmp(argv[i], "--create") == 0) {
            options->create = true;
        } else if (i + 1 < argc && parse_value(options, argv[i], argv[i + 1])) {
            i++;
        } else {
            fprintf(stderr, "daruma-anchor: %s: unknown option or bad value\n", argv[i]);
            return false;
        }
    }
    bool ways = options->create ? options->fd < 0 && options->socket_path == NULL
                                : (options->fd >= 0) != (options->socket_path != NULL);
    bool keys = (options->key_normal != NULL) == (options->key_recovery != NULL) &&
                (options->create || options->key_normal == NULL);
    return options->directory != NULL && ways && keys;
}

static enum dr_status load_key(const char *path, struct dr_anchor_identity_pair *pair)
{
    char pem[PEM_BYTES_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? DR_E_NOT_FOUND : DR_E_IO;
    }
    ssize_t count = read(fd, pem, sizeof pem);
    close(fd);
    if (count < 0) {
        return DR_E_IO;
    }
    enum dr_status status = dr_p256_private_from_pem(pem, (size_t)count, pair->private_key);
    dr_wipe(pem, sizeof pem);
    DR_TRY(status);
    return dr_p256_public_key(pair->private_key, pair->public_key);
}

static int create(const struct options *options)
{
    struct dr_anchor_identity_pair keys[DR_ANCHOR_IDENTITIES];
    memset(keys, 0, sizeof keys);
    bool from_host = options->key_normal != NULL;
    if (from_host) {
        enum dr_status status = load_key(options->key_normal, &keys[DR_ANCHOR_IDENTITY_NORMAL]);
        if (status != DR_OK) {
            return complain(options->key_normal, status);
        }
        status = load_key(options->key_recovery, &keys[DR_ANCHOR_IDENTITY_RECOVERY]);
        if (status != DR_OK) {
            return complain(options->key_recovery, status);
        }
    }
    enum dr_status status = dr_anchor_store_create(options->directory, from_host ? keys : NULL);
    dr_wipe(keys, sizeof keys);
    return status == DR_OK ? EXIT_SUCCESS : complain(options->directory, status);
}

/* SIGTERM and SIGINT end the process between two requests, never inside one. */
static void catch_signals(sigset_t *ret_wait_mask)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, ret_wait_mask);
    sigdelset(ret_wait_mask, SIGTERM);
    sigdelset(ret_wait_mask, SIGINT);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) {
        return -1;
    }
    mode_t before = umask(S_IRWXG | S_IRWXO);
    unlink(path); /* a socket left by a killed process; the directory's lock keeps others out */
    int bound = bind(listener, (const struct sockaddr *)&address, sizeof address);
    umask(before);
    if (bound != 0 || listen(listener, 1) != 0) {
        close(listener);
        return -1;
    }
    return listener;
}

static enum dr_status
serve_clients(struct dr_anchor_server *server, int listener, const sigset_t *wait_mask)
{
    while (!stop_requested) { /* bound: the process's life */
        struct pollfd wait = {.fd = listener, .events = POLLIN};
        int ready = ppoll(&wait, 1, NULL, wait_mask);
        if (ready < 0 && errno != EINTR) {
            return DR_E_IO;
        }
        int client = ready > 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (client >= 0) {
            /* A client whose stream broke is gone; the next one is served. */
            DR_IGNORE(dr_anchor_server_run(server, client, &stop_requested, wait_mask));
            close(client);
        }
    }
    return DR_OK;
}

static int serve(const struct options *options)
{
    struct dr_anchor_server server;
    sigset_t wait_mask;
    catch_signals(&wait_mask);
    prctl(PR_SET_DUMPABLE, 0); /* no core file with keys in it, no debugger of the same user */
    enum dr_status status = dr_anchor_server_open(&server, options->directory, &options->faults);
    if (status != DR_OK) {
        return complain(options->directory, status);
    }
    if (options->fd >= 0) {
        status = dr_anchor_server_run(&server, options->fd, &stop_requested, &wait_mask);
    } else {
        int listener = listen_at(options->socket_path);
        status = DR_E_IO;
        if (listener >= 0) {
            status = serve_clients(&server, listener, &wait_mask);
            close(listener);
            unlink(options->socket_path);
        }
    }
    dr_anchor_server_close(&server);
    const char *where = options->fd >= 0 ? "the stream" : options->socket_path;
    return status == DR_OK ? EXIT_SUCCESS : complain(where, status);
}

int main(int argc, char **argv)
{
    struct options options;
    if (!parse(&options, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (options.help) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    return options.create ? create(&options) : serve(&options);
}
