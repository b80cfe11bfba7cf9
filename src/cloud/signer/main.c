/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* daruma-signer: holds signing keys in a process of its own, better as a user of its own. */
#include "base/check.h"
#include "base/text.h"
#include "cloud/signer/client.h"
#include "cloud/signer/command.h"
#include "cloud/signer/listener.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: daruma-signer --dir DIR --socket PATH [--user NAME] [--allow-uid UID]...\n"
    "       daruma-signer --init DIR\n"
    "       daruma-signer --reload --socket PATH\n"
    "       daruma-signer --approve DIGEST --profile NAME --socket PATH\n"
    "       daruma-signer --approve-revert DIGEST --profile NAME --socket PATH\n"
    "\n"
    "Signs for darumad, so that the daemon holds no signing key.\n"
    "\n"
    "  --dir DIR         profiles: NAME.key (0600), NAME.conf, NAME.state; read at\n"
    "                    start and by --reload\n"
    "  --socket PATH     where it listens; asked only by its own user, root and\n"
    "                    --allow-uid\n"
    "  --user NAME       become this user first (when started as root)\n"
    "  --allow-uid UID   another user that may ask; up to 8\n"
    "  --init DIR        make DIR and in it the profile \"default\", which signs files;\n"
    "                    what exists stays\n"
    "  --reload          have the one that runs read its profiles again; a bad one is\n"
    "                    told, and all stays as it is (`daruma key give` does this)\n"
    "  --approve DIGEST  let a profile with `approval required` sign the image with\n"
    "                    this SHA-256\n"
    "  --approve-revert DIGEST\n"
    "                    and the command that devices leave that image; its own\n"
    "                    approval is none\n"
    "\n"
    "NAME.conf: `kind file|image`, `product NAME`, `approval required`. A profile of\n"
    "kind image never signs another product, nor an order or security counter below\n"
    "one it has signed.\n"
    "\n"
    "SIGTERM and SIGINT end it in order.\n"
    "Exit codes: 0 ended as told, 1 failed, 64 wrong usage.\n";

struct options {
    const char *directory;
    const char *socket_path;
    const char *user;
    const char *init;
    const char *approve;
    bool reload;
    bool approve_revert; /* the command about the image, not the image */
    const char *profile;
    uid_t uids[DR_SIGNER_UIDS_MAX];
    size_t uid_count;
};

_Noreturn void dr_check_failed(const char *file, int line)
{
    (void)fprintf(stderr, "daruma-signer: internal fault at %s:%d\n", file, line);
    abort();
}

static void log_line(const char *line)
{
    (void)fprintf(stderr, "%s\n", line);
}

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "daruma-signer: %s: %s\n", what, why);
    return 1;
}

static bool read_uid(const char *text, struct options *options)
{
    char *end = NULL;
    errno = 0;
    unsigned long uid = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || uid > UINT32_MAX ||
        options->uid_count == DR_SIGNER_UIDS_MAX) {
        return false;
    }
    options->uids[options->uid_count++] = (uid_t)uid;
    return true;
}

static bool read_option(int letter, struct options *options)
{
    switch (letter) {
    case 'd':
        options->directory = optarg;
        return true;
    case 's':
        options->socket_path = optarg;
        return true;
    case 'u':
        options->user = optarg;
        return true;
    case 'i':
        options->init = optarg;
        return true;
    case 'a':
    case 'r':
        options->approve_revert = letter == 'r';
        options->approve = optarg;
        return true;
    case 'R':
        options->reload = true;
        return true;
    case 'p':
        options->profile = optarg;
        return true;
    case 'U':
        return read_uid(optarg, options);
    default:
        return false;
    }
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"dir", required_argument, NULL, 'd'},
        {"socket", required_argument, NULL, 's'},
        {"user", required_argument, NULL, 'u'},
        {"init", required_argument, NULL, 'i'},
        {"approve", required_argument, NULL, 'a'},
        {"approve-revert", required_argument, NULL, 'r'},
        {"reload", no_argument, NULL, 'R'},
        {"profile", required_argument, NULL, 'p'},
        {"allow-uid", required_argument, NULL, 'U'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int letter = getopt_long(argc, argv, "", known, NULL); letter != -1;
         letter = getopt_long(argc, argv, "", known, NULL)) { /* bound: argc */
        if (letter == 'h') {
            (void)fputs(usage, stdout);
            exit(0);
        }
        if (!read_option(letter, options)) {
            return false;
        }
    }
    return optind == argc;
}

#define KEY_MEMORY_BYTES 65536u

/* No core files, no tracing, no new privileges; private numbers in locked, guarded memory. */
static void harden_process(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    if (CRYPTO_secure_malloc_init(KEY_MEMORY_BYTES, 16) != 1) {
        log_line("level=warning msg=\"memory for keys cannot be locked, they may be swapped out: "
                 "raise RLIMIT_MEMLOCK\"");
    }
}

static int become_user(const char *name)
{
    if (name == NULL) {
        if (geteuid() == 0) {
            log_line("level=warning msg=\"runs as root: --user gives it a user of its own\"");
        }
        return 0;
    }
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (user == NULL) {
        return fail(name, "no such user");
    }
    if (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
        return fail(name, strerror(errno));
    }
    return 0;
}

/* Readable when it is time to go. */
static int open_stop(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int run(const struct options *options)
{
    static struct dr_signer_store store;
    char error[DR_SIGNER_DETAIL_MAX + 1] = "";
    int stop_fd = open_stop();
    if (stop_fd < 0) {
        return fail("signals", strerror(errno));
    }
    int failed = become_user(options->user);
    if (failed != 0) {
        return failed;
    }
    harden_process();
    if (dr_signer_store_load(options->directory, &store, error) != DR_OK) {
        return fail("cannot start", error);
    }
    struct dr_signer_listener listener = {
        .store = &store,
        .directory = options->directory,
        .uid_count = options->uid_count,
        .log = log_line};
    memcpy(listener.uids, options->uids, sizeof(listener.uids));
    enum dr_status status = dr_signer_listen(&listener, options->socket_path, stop_fd);
    dr_signer_store_clear(&store);
    close(stop_fd);
    if (status == DR_E_EXISTS) {
        return fail(options->socket_path, "another signer listens there, or it is no socket");
    }
    if (status != DR_OK) {
        return fail(options->socket_path, dr_status_text(status));
    }
    log_line("level=info msg=ended");
    return 0;
}

static int init(const char *directory)
{
    char error[DR_SIGNER_DETAIL_MAX + 1] = "";
    (void)umask(077);
    return dr_signer_store_init(directory, error) == DR_OK ? 0 : fail("cannot init", error);
}

static int approve(const struct options *options)
{
    uint8_t digest[DR_SIGNER_DIGEST_BYTES];
    char error[DR_SIGNER_ERROR_BYTES] = "";
    const struct dr_signer_client client = {
        .socket_path = options->socket_path, .timeout_ms = DR_SIGNER_TIMEOUT_MS};
    if (dr_hex_decode(options->approve, strlen(options->approve), digest, sizeof(digest)) !=
        DR_OK) {
        return fail(options->approve, "not a SHA-256 in hex");
    }
    enum dr_status status =
        options->approve_revert
            ? dr_signer_approve_command(
                  &client, options->profile, DR_JOB_ACTION_REVERT, digest, error)
            : dr_signer_approve(&client, options->profile, digest, error);
    return status == DR_OK
               ? 0
               : fail("not approved", error[0] != '\0' ? error : dr_status_text(status));
}

static int reload(const char *socket_path)
{
    char error[DR_SIGNER_ERROR_BYTES] = "";
    const struct dr_signer_client client = {
        .socket_path = socket_path, .timeout_ms = DR_SIGNER_TIMEOUT_MS};
    enum dr_status status = dr_signer_reload(&client, error);
    return status == DR_OK
               ? 0
               : fail("not reloaded", error[0] != '\0' ? error : dr_status_text(status));
}

int main(int argc, char **argv)
{
    struct options options = {0};
    if (!read_options(argc, argv, &options)) {
        (void)fputs(usage, stderr);
        return 64;
    }
    if (options.init != NULL) {
        return init(options.init);
    }
    if (options.reload && options.socket_path != NULL && options.directory == NULL) {
        return reload(options.socket_path);
    }
    if (options.approve != NULL && options.profile != NULL && options.socket_path != NULL) {
        return approve(&options);
    }
    if (options.approve == NULL && options.directory != NULL && options.socket_path != NULL) {
        return run(&options);
    }
    (void)fputs(usage, stderr);
    return 64;
}
