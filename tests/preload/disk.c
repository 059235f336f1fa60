/* A disk that can lose power, fill up, slow down, hang and fail, put between a process and libc by LD_PRELOAD.

   It follows the file DISK_FOLLOWS and those whose names go on with a hyphen after it (the log and the journal of a
   SQLite database), but not "-shm", which is memory. What is done to them is written to DISK_JOURNAL, in order and with
   each fsync: who replays it knows what would be left after a power cut. A write comes into it right after it is done:
   where the process is killed in between, it is as if it had not been, which no sync has promised anything else of.
   Files in the folder DISK_FAULTS make it fail, for as long as they are there:
     full    only as many octets as it names may be added to files; then ENOSPC, as where no block is free
     free    what statvfs tells is free, in octets
     slow    each fsync takes so many milliseconds longer
     stuck   no fsync comes back
     eio     the next fsync answers EIO, and the file is taken away
   What it does not follow, and what nobody calls (SQLite has mmap off), goes through untouched. `set_up` is for a fork
   with another environment. */

#define _GNU_SOURCE
#define _LARGEFILE64_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum kind { OPENED = 1, WRITTEN, CUT, SYNCED, UNLINKED, FOLDER_SYNCED };

struct entry {
    uint64_t kind, inode, at, length;
};

enum { NOT_FOLLOWED, A_FILE, THE_FOLDER, MOST_FILES = 4096 };

static unsigned char followed[MOST_FILES];
static char folder[PATH_MAX], base[NAME_MAX + 1], faults[PATH_MAX];
static int journal = -1;
static uint64_t entries, added;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_ftruncate)(int, off64_t);
static int (*real_fsync)(int), (*real_fdatasync)(int);
static int (*real_unlink)(const char *);
static int (*real_statvfs)(const char *, struct statvfs64 *);

__attribute__((constructor)) void set_up(void)
{
    const char *path = getenv("DISK_FOLLOWS"), *log = getenv("DISK_JOURNAL"), *flags = getenv("DISK_FAULTS");
    real_open = dlsym(RTLD_NEXT, "open64");
    real_close = dlsym(RTLD_NEXT, "close");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_statvfs = dlsym(RTLD_NEXT, "statvfs64");
    if (!path || !flags)
        return;
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    snprintf(base, sizeof base, "%s", slash + 1);
    snprintf(faults, sizeof faults, "%s", flags);
    if (log)
        journal = real_open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int kind_of(const char *path)
{
    size_t length = strlen(folder);
    if (!length || strncmp(path, folder, length))
        return NOT_FOLLOWED;
    if (!path[length])
        return THE_FOLDER;
    const char *name = path + length + 1;
    size_t stem = strlen(base);
    if (path[length] != '/' || strncmp(name, base, stem) || (name[stem] && name[stem] != '-') ||
        !strcmp(name + stem, "-shm"))
        return NOT_FOLLOWED;
    return A_FILE;
}

static int follows(int fd, int kind)
{
    return fd >= 0 && fd < MOST_FILES && followed[fd] == kind;
}

static void tell(enum kind kind, uint64_t inode, uint64_t at, const void *what, uint64_t length)
{
    struct entry entry = {kind, inode, at, length};
    entries++;
    if (journal < 0)
        return;
    if (real_write(journal, &entry, sizeof entry) != sizeof entry ||
        (what && real_write(journal, what, length) != (ssize_t)length))
        abort();
}

static struct stat64 look(int fd)
{
    struct stat64 status;
    if (fstat64(fd, &status))
        abort();
    return status;
}

/* The number in the file of a fault; -1: there is no such fault now. */
static int64_t fault(const char *name)
{
    char path[PATH_MAX + 8], said[32] = "";
    snprintf(path, sizeof path, "%s/%s", faults, name);
    int fd = real_open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, said, sizeof said - 1);
    real_close(fd);
    return length < 0 ? -1 : atoll(said);
}

static void wait_ms(int64_t ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Whether a file may grow from `size` to `end`. */
static int has_room(uint64_t size, uint64_t end)
{
    int64_t room = fault("full");
    if (room < 0) {
        added = 0;
        return 1;
    }
    if (end <= size)
        return 1;
    if (added + (end - size) > (uint64_t)room)
        return 0;
    added += end - size;
    return 1;
}

static int opened(const char *path, int flags, mode_t mode)
{
    int kind = kind_of(path);
    if (kind == NOT_FOLLOWED)
        return real_open(path, flags, mode);
    pthread_mutex_lock(&one_at_a_time);
    int is_new = access(path, F_OK) != 0;
    int fd = real_open(path, flags, mode);
    if (fd >= MOST_FILES)
        abort();
    if (fd >= 0) {
        followed[fd] = kind;
        if (kind == A_FILE)
            tell(OPENED, look(fd).st_ino, is_new, strrchr(path, '/') + 1, strlen(strrchr(path, '/') + 1));
    }
    pthread_mutex_unlock(&one_at_a_time);
    return fd;
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return opened(path, flags, mode);
}

int open(const char *path, int flags, ...) __attribute__((alias("open64")));

int close(int fd)
{
    if (fd >= 0 && fd < MOST_FILES)
        followed[fd] = NOT_FOLLOWED;
    return real_close(fd);
}

ssize_t pwrite64(int fd, const void *what, size_t length, off64_t at)
{
    if (!follows(fd, A_FILE))
        return real_pwrite(fd, what, length, at);
    pthread_mutex_lock(&one_at_a_time);
    struct stat64 status = look(fd);
    ssize_t written = -1;
    if (has_room(status.st_size, at + length)) {
        written = real_pwrite(fd, what, length, at);
        if (written > 0)
            tell(WRITTEN, status.st_ino, at, what, written);
    } else
        errno = ENOSPC;
    pthread_mutex_unlock(&one_at_a_time);
    return written;
}

ssize_t pwrite(int, const void *, size_t, off64_t) __attribute__((alias("pwrite64")));

ssize_t write(int fd, const void *what, size_t length)
{
    if (follows(fd, A_FILE))
        abort(); /* SQLite writes by pwrite alone: if that changes, this must follow it */
    return real_write(fd, what, length);
}

int ftruncate64(int fd, off64_t size)
{
    if (!follows(fd, A_FILE))
        return real_ftruncate(fd, size);
    pthread_mutex_lock(&one_at_a_time);
    struct stat64 status = look(fd);
    int failed = -1;
    if (has_room(status.st_size, size)) {
        tell(CUT, status.st_ino, size, NULL, 0);
        failed = real_ftruncate(fd, size);
    } else
        errno = ENOSPC;
    pthread_mutex_unlock(&one_at_a_time);
    return failed;
}

int ftruncate(int, off64_t) __attribute__((alias("ftruncate64")));

static int fails_once(void)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/eio", faults);
    return real_unlink(path) == 0;
}

static int synced(int fd, int (*sync)(int))
{
    int is_file = follows(fd, A_FILE);
    if (!is_file && !follows(fd, THE_FOLDER))
        return sync(fd);
    uint64_t inode = look(fd).st_ino;
    pthread_mutex_lock(&one_at_a_time);
    uint64_t before = entries; /* what is written meanwhile is not promised */
    pthread_mutex_unlock(&one_at_a_time);
    int64_t ms = fault("slow");
    if (ms > 0)
        wait_ms(ms);
    while (fault("stuck") >= 0)
        wait_ms(10);
    if (fails_once()) {
        errno = EIO;
        return -1;
    }
    int failed = sync(fd);
    if (!failed) {
        pthread_mutex_lock(&one_at_a_time);
        tell(is_file ? SYNCED : FOLDER_SYNCED, inode, before, NULL, 0);
        pthread_mutex_unlock(&one_at_a_time);
    }
    return failed;
}

int fsync(int fd)
{
    return synced(fd, real_fsync);
}

int fdatasync(int fd)
{
    return synced(fd, real_fdatasync);
}

int unlink(const char *path)
{
    if (kind_of(path) != A_FILE)
        return real_unlink(path);
    pthread_mutex_lock(&one_at_a_time);
    const char *name = strrchr(path, '/') + 1;
    tell(UNLINKED, 0, 0, name, strlen(name));
    int failed = real_unlink(path);
    pthread_mutex_unlock(&one_at_a_time);
    return failed;
}

int statvfs64(const char *path, struct statvfs64 *status)
{
    int failed = real_statvfs(path, status);
    int64_t free = failed || kind_of(path) == NOT_FOLLOWED ? -1 : fault("free");
    if (free >= 0)
        status->f_bavail = free / status->f_frsize;
    return failed;
}
