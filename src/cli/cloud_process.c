/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The three processes of a private cloud: started in order, watched, ended in reverse. */
#include "cli/cloud.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_WAIT_MS 20000u
#define STOP_WAIT_MS 10000u
#define POLL_MS 10u
#define ARGUMENTS_MAX 12u

static const struct {
    const char *name;
    const char *program;
    const char *log;
} parts[DR_CLOUD_PARTS] = {
    [DR_CLOUD_SIGNER] = {"signer", "daruma-signer", "run/signer.log"},
    [DR_CLOUD_BROKER] = {"broker", "mosquitto", "run/mosquitto.log"},
    [DR_CLOUD_DAEMON] = {"darumad", "darumad", "run/darumad.log"},
};

static void pause_ms(unsigned ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000u, .tv_nsec = (long)(ms % 1000u) * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* --- one supervisor at a time --- */

/* The kernel drops the lock with its process, whatever ends it: no stale file can lie. */
int dr_cloud_lock(struct dr_cloud *cloud, struct dr_cloud_processes *processes)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(dr_cloud_path(cloud, "run/cloud.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return dr_cli_error(
            cloud->cli, "cannot open %s/run/cloud.lock: %s", cloud->dir, strerror(errno));
    }
    if (fcntl(fd, F_SETLK, &lock) != 0) {
        (void)close(fd);
        return dr_cli_error(
            cloud->cli,
            "the cloud in %s is up already (process %ld); `daruma cloud status` shows "
            "it, `daruma cloud down` ends it",
            cloud->dir, (long)dr_cloud_supervisor(cloud));
    }
    processes->lock_fd = fd;
    return 0;
}

pid_t dr_cloud_supervisor(const struct dr_cloud *cloud)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(dr_cloud_path(cloud, "run/cloud.lock"), O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    bool held = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    (void)close(fd);
    return held ? lock.l_pid : 0;
}

/* --- starting a program --- */

static bool find_program(struct dr_cloud *cloud, const char *name, char *out, size_t capacity_bytes)
{
    static const char *const places[] = {"/usr/sbin", "/usr/local/sbin", "/usr/bin"};
    const char *sister = dr_cli_sister(cloud->cli, name);
    if (sister[0] != '\0') {
        (void)snprintf(out, capacity_bytes, "%s", sister);
        return true;
    }
    /* The broker is in sbin, which is not in everybody's PATH. */
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        (void)snprintf(out, capacity_bytes, "%s/%s", places[i], name);
        if (access(out, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* In the child: the signer's own user, given up for good. */
static void become(uid_t uid, gid_t gid)
{
    if (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0 || setuid(0) == 0) {
        _exit(126);
    }
}

/* In the child: as many descriptors as the system grants. The usual soft bound of 1,024 is for
 * programs that use select(). */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

struct launch {
    const char *program; /* path */
    char *const *arguments;
    const char *log; /* path, appended to */
    bool as_signer_user;
    bool many_descriptors; /* one for each device */
};

static _Noreturn void
run_child(const struct dr_cloud *cloud, const struct launch *launch, pid_t parent)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    int log = open(launch->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (null < 0 || log < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0 || chdir("/") != 0) {
        _exit(126);
    }
    if (launch->as_signer_user && cloud->signer_user_set) {
        become(cloud->signer_uid, cloud->signer_gid);
    }
    if (launch->many_descriptors) {
        raise_descriptors();
    }
    /* Its own group: Ctrl-C is for the supervisor, which ends the parts in order. */
    (void)setpgid(0, 0);
    /* No part outlives its supervisor, however that ends. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(126);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    execv(launch->program, launch->arguments);
    (void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", launch->program, strerror(errno));
    _exit(127);
}

static pid_t spawn(const struct dr_cloud *cloud, const struct launch *launch)
{
    pid_t parent = getpid();
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        run_child(cloud, launch, parent);
    }
    return pid;
}

static void fill_arguments(
    const struct dr_cloud *cloud, enum dr_cloud_part part, const char *program,
    const char *arguments[ARGUMENTS_MAX])
{
    static char signer_dir[DR_CLOUD_PATH_BYTES];
    static char socket_path[DR_CLOUD_PATH_BYTES];
    static char config[DR_CLOUD_PATH_BYTES];
    static char uid[24];
    size_t count = 0;
    arguments[count++] = program;
    switch (part) {
    case DR_CLOUD_SIGNER:
        (void)snprintf(signer_dir, sizeof signer_dir, "%s/signer", cloud->dir);
        (void)snprintf(socket_path, sizeof socket_path, "%s/run/signer/signer.sock", cloud->dir);
        (void)snprintf(uid, sizeof uid, "%lu", (unsigned long)geteuid());
        arguments[count++] = "--dir";
        arguments[count++] = signer_dir;
        arguments[count++] = "--socket";
        arguments[count++] = socket_path;
        arguments[count++] = "--allow-uid";
        arguments[count++] = uid;
        break;
    case DR_CLOUD_BROKER:
        (void)snprintf(config, sizeof config, "%s/mosquitto.conf", cloud->dir);
        arguments[count++] = "-c";
        arguments[count++] = config;
        break;
    case DR_CLOUD_DAEMON:
        (void)snprintf(config, sizeof config, "%s/darumad.conf", cloud->dir);
        arguments[count++] = "--config";
        arguments[count++] = config;
        break;
    }
    arguments[count] = NULL;
}

/* The last line of a part's log: usually the reason. */
static void last_line(const char *path, char *out, size_t capacity_bytes)
{
    char line[512];
    (void)snprintf(out, capacity_bytes, "nothing in its log");
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0') {
            (void)snprintf(out, capacity_bytes, "%s", line);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static int
start_part(struct dr_cloud *cloud, struct dr_cloud_processes *processes, enum dr_cloud_part part)
{
    char program[4096];
    const char *arguments[ARGUMENTS_MAX];
    if (!find_program(cloud, parts[part].program, program, sizeof program)) {
        return dr_cli_error(
            cloud->cli, "%s is not installed: neither beside %s nor in PATH", parts[part].program,
            cloud->cli->program);
    }
    fill_arguments(cloud, part, program, arguments);
    struct launch launch = {
        .program = program,
        .arguments = (char *const *)(uintptr_t)arguments,
        .log = dr_cloud_path(cloud, parts[part].log),
        .as_signer_user = part == DR_CLOUD_SIGNER,
        .many_descriptors = part == DR_CLOUD_BROKER,
    };
    processes->pids[part] = spawn(cloud, &launch);
    if (processes->pids[part] < 0) {
        processes->pids[part] = 0;
        return dr_cli_error(cloud->cli, "cannot start %s: %s", program, strerror(errno));
    }
    return 0;
}

/* Run a program to its end. Its own words are in log. */
static int run_once(
    struct dr_cloud *cloud, const char *name, const char *const *arguments, const char *log,
    bool as_signer_user)
{
    char program[4096];
    char why[512];
    const char *with_program[ARGUMENTS_MAX] = {NULL};
    int status = 0;
    if (!find_program(cloud, name, program, sizeof program)) {
        return dr_cli_error(cloud->cli, "%s is not installed", name);
    }
    with_program[0] = program;
    for (size_t i = 0; i + 2 < ARGUMENTS_MAX && arguments[i] != NULL; i++) {
        with_program[i + 1] = arguments[i];
    }
    struct launch launch = {
        .program = program,
        .arguments = (char *const *)(uintptr_t)with_program,
        .log = log,
        .as_signer_user = as_signer_user,
    };
    pid_t pid = spawn(cloud, &launch);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        continue;
    }
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    last_line(log, why, sizeof why);
    return dr_cli_error(cloud->cli, "%s failed: %s", name, why);
}

/* --- starting all --- */

static int report_death(struct dr_cloud *cloud, enum dr_cloud_part part)
{
    char why[512];
    const char *log = dr_cloud_path(cloud, parts[part].log);
    last_line(log, why, sizeof why);
    /* darumad and mosquitto say it each in its own words. */
    bool port_taken =
        strstr(why, ": busy") != NULL || strstr(why, "Address already in use") != NULL;
    if (port_taken && part != DR_CLOUD_SIGNER) {
        bool api = part == DR_CLOUD_DAEMON;
        return dr_cli_error(
            cloud->cli,
            "port %u is taken by another program; end that, or choose another with %s N",
            (unsigned)(api ? cloud->api_port : cloud->mqtt_port),
            api ? "--api-port" : "--mqtt-port");
    }
    return dr_cli_error(cloud->cli, "%s ended by itself: %s (%s)", parts[part].name, why, log);
}

/* A part that is gone, or DR_CLOUD_PARTS. Its pid is cleared. */
static unsigned find_dead(struct dr_cloud_processes *processes)
{
    for (unsigned part = 0; part < DR_CLOUD_PARTS; part++) {
        int status = 0;
        if (processes->pids[part] > 0 &&
            waitpid(processes->pids[part], &status, WNOHANG) == processes->pids[part]) {
            processes->pids[part] = 0;
            return part;
        }
    }
    return DR_CLOUD_PARTS;
}

static bool signer_listens(const struct dr_cloud *cloud)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int dir = open(dr_cloud_path(cloud, "run/signer"), O_PATH | O_CLOEXEC);
    /* The directory may be deeper than an address is long: name it by its descriptor. */
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/signer.sock", dir);
    bool listens =
        fd >= 0 && dir >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (dir >= 0) {
        (void)close(dir);
    }
    return listens;
}

static bool daemon_is_ready(const struct dr_cloud *cloud)
{
    return access(dr_cloud_path(cloud, "run/ready"), F_OK) == 0;
}

static bool interrupted(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
            sigismember(&pending, SIGHUP) == 1);
}

static int wait_until(
    struct dr_cloud *cloud, struct dr_cloud_processes *processes, enum dr_cloud_part part,
    bool (*condition)(const struct dr_cloud *cloud))
{
    for (unsigned waited_ms = 0; waited_ms < READY_WAIT_MS; waited_ms += POLL_MS) {
        unsigned dead = find_dead(processes);
        if (dead != DR_CLOUD_PARTS) {
            return report_death(cloud, (enum dr_cloud_part)dead);
        }
        if (condition(cloud)) {
            return 0;
        }
        if (interrupted()) {
            return dr_cli_error(cloud->cli, "interrupted while starting");
        }
        pause_ms(POLL_MS);
    }
    char why[512];
    last_line(dr_cloud_path(cloud, parts[part].log), why, sizeof why);
    return dr_cli_error(
        cloud->cli, "%s is not ready after %u s: %s", parts[part].name, READY_WAIT_MS / 1000u, why);
}

/* Logs of this run only: what went wrong should not be sought in last month's lines. */
static void begin_logs(const struct dr_cloud *cloud)
{
    for (unsigned part = 0; part < DR_CLOUD_PARTS; part++) {
        char old[DR_CLOUD_PATH_BYTES + 8];
        const char *log = dr_cloud_path(cloud, parts[part].log);
        (void)snprintf(old, sizeof old, "%s.old", log);
        (void)rename(log, old);
    }
    (void)unlink(dr_cloud_path(cloud, "run/ready"));
}

static int start_all(struct dr_cloud *cloud, struct dr_cloud_processes *processes)
{
    char log[DR_CLOUD_PATH_BYTES];
    char signer_dir[DR_CLOUD_PATH_BYTES];
    char config[DR_CLOUD_PATH_BYTES];
    (void)snprintf(log, sizeof log, "%s/%s", cloud->dir, parts[DR_CLOUD_SIGNER].log);
    (void)snprintf(signer_dir, sizeof signer_dir, "%s/signer", cloud->dir);
    (void)snprintf(config, sizeof config, "%s/darumad.conf", cloud->dir);
    const char *const init[] = {"--init", signer_dir, NULL};
    int result = 0;
    if (access(dr_cloud_path(cloud, "signer/default.key"), F_OK) != 0) {
        result = run_once(cloud, "daruma-signer", init, log, true);
    }
    if (result == 0) {
        result = start_part(cloud, processes, DR_CLOUD_SIGNER);
    }
    if (result == 0) {
        result = wait_until(cloud, processes, DR_CLOUD_SIGNER, signer_listens);
    }
    /* The broker refuses everybody it does not know, so it must know before it listens. */
    (void)snprintf(log, sizeof log, "%s/%s", cloud->dir, parts[DR_CLOUD_DAEMON].log);
    const char *const snapshot[] = {"--config", config, "--write-snapshot", NULL};
    if (result == 0) {
        result = run_once(cloud, "darumad", snapshot, log, false);
    }
    if (result == 0) {
        result = start_part(cloud, processes, DR_CLOUD_BROKER);
    }
    if (result == 0) {
        result = start_part(cloud, processes, DR_CLOUD_DAEMON);
    }
    return result == 0 ? wait_until(cloud, processes, DR_CLOUD_DAEMON, daemon_is_ready) : result;
}

int dr_cloud_start(struct dr_cloud *cloud, struct dr_cloud_processes *processes)
{
    begin_logs(cloud);
    int result = start_all(cloud, processes);
    if (result != 0) {
        dr_cloud_stop(processes);
    }
    return result;
}

/* --- watching and ending --- */

int dr_cloud_supervise(struct dr_cloud *cloud, struct dr_cloud_processes *processes)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP); /* the terminal was closed */
    (void)sigaddset(&signals, SIGCHLD);
    for (;;) { /* bound: until a signal, or the end of a part */
        /* A second is the longest that a missed SIGCHLD could cost. */
        const struct timespec second = {.tv_sec = 1};
        int number = sigtimedwait(&signals, NULL, &second);
        if (number == SIGINT || number == SIGTERM || number == SIGHUP) {
            return 0;
        }
        unsigned dead = find_dead(processes);
        if (dead != DR_CLOUD_PARTS) {
            return report_death(cloud, (enum dr_cloud_part)dead);
        }
    }
}

static void stop_part(pid_t pid)
{
    (void)kill(pid, SIGTERM);
    for (unsigned waited_ms = 0; waited_ms < STOP_WAIT_MS; waited_ms += POLL_MS) {
        if (waitpid(pid, NULL, WNOHANG) != 0) {
            return;
        }
        pause_ms(POLL_MS);
    }
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

void dr_cloud_stop(struct dr_cloud_processes *processes)
{
    /* darumad first: it says good-bye to a broker that is still there. */
    for (unsigned part = DR_CLOUD_PARTS; part > 0; part--) {
        if (processes->pids[part - 1] > 0) {
            stop_part(processes->pids[part - 1]);
            processes->pids[part - 1] = 0;
        }
    }
}
