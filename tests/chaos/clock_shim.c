/* For LD_PRELOAD: moves a program's clocks by what a file says, without touching the machine's.
 * CHAOS_CLOCK names a file of two numbers of 8 bytes in the machine's order: nanoseconds to add to
 * CLOCK_REALTIME (and what rests on it), and to CLOCK_BOOTTIME (a machine that slept). Whoever
 * writes the file steps the clock of those that run with it, at once and together. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef struct offsets {
  _Atomic int64_t real_ns, boot_ns;
} offsets;

static offsets nothing;
static offsets *added = &nothing;
static int (*real_clock_gettime)(clockid_t clock, struct timespec *out);

__attribute__((constructor)) static void begin(void) {
  *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  const char *path = getenv("CHAOS_CLOCK");
  int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *page = mmap(NULL, sizeof *added, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (page != MAP_FAILED) added = page;
}

static int64_t to_add(clockid_t clock) {
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
    return atomic_load(&added->real_ns);
  return clock == CLOCK_BOOTTIME ? atomic_load(&added->boot_ns) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *out) {
  if (real_clock_gettime == NULL) *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real_clock_gettime(clock, out);
  int64_t add_ns = result == 0 ? to_add(clock) : 0;
  if (add_ns == 0) return result;
  int64_t total_ns = (int64_t)out->tv_sec * 1000000000 + out->tv_nsec + add_ns;
  out->tv_sec = (time_t)(total_ns / 1000000000);
  out->tv_nsec = (long)(total_ns % 1000000000);
  return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
