/* Disks: a commit takes time, may fail, and is interrupted by a crash at any of its steps. */
#include "sim.h"

static lrm_store_memory_config config_of(sim_disk *disk) {
  return (lrm_store_memory_config){.struct_bytes = sizeof(lrm_store_memory_config),
                                   .allocator = sim_memory_allocator(&disk->memory),
                                   .bytes_max = disk->bytes_max};
}

void sim_disk_open(sim_world *w, sim_disk *disk) {
  lrm_store_memory_config config = config_of(disk);
  SIM_MUST(w, lrm_store_memory_open(&config, &disk->store));
  disk->phase = SIM_DISK_IDLE;
  disk->batch = NULL;
}

void sim_disk_close(sim_disk *disk) {
  lrm_store_close(disk->store);
  lrm_store_close(disk->copy);
  disk->store = disk->copy = NULL;
  disk->batch = NULL;
  disk->phase = SIM_DISK_IDLE;
}

/* Freezing, writing and telling lie apart, so that a crash can fall between any two. */
sim_disk_news sim_disk_step(sim_world *w, sim_disk *disk) {
  if (disk->phase == SIM_DISK_IDLE) {
    if (!lrm_store_dirty(disk->store)) return SIM_DISK_NOTHING;
    SIM_MUST(w, lrm_store_freeze(disk->store, &disk->batch));
    disk->phase = SIM_DISK_WRITING;
    disk->due_ns = w->now_ns + 1000 + sim_below(&w->random, disk->latency_ns_max);
    return SIM_DISK_FROZEN;
  }
  if (w->now_ns < disk->due_ns) return SIM_DISK_NOTHING;
  if (disk->phase == SIM_DISK_WRITING) {
    disk->result = lrm_batch_write(disk->batch);
    disk->phase = SIM_DISK_WRITTEN;
    disk->due_ns = w->now_ns + 1000 + sim_below(&w->random, disk->latency_ns_max / 4 + 1);
    return SIM_DISK_NOTHING;
  }
  SIM_MUST(w, lrm_store_settle(disk->store, disk->batch, disk->result));
  disk->batch = NULL;
  disk->phase = SIM_DISK_IDLE;
  return SIM_DISK_SETTLED;
}

uint64_t sim_disk_due(const sim_world *w, const sim_disk *disk) {
  if (disk->phase != SIM_DISK_IDLE) return disk->due_ns;
  return lrm_store_dirty(disk->store) ? w->now_ns : SIM_NEVER;
}

void sim_disk_crash(sim_world *w, sim_disk *disk) {
  if (disk->phase == SIM_DISK_WRITING) sim_reach(w, SIM_CRASH_COMMITTING);
  if (disk->phase == SIM_DISK_WRITTEN && disk->result == 0) sim_reach(w, SIM_CRASH_COMMITTED);
  lrm_store_memory_crash(disk->store);
  disk->phase = SIM_DISK_IDLE;
  disk->batch = NULL;
}

void sim_disk_lose(sim_world *w, sim_disk *disk) {
  lrm_store_close(disk->store);
  lrm_store_close(disk->copy);
  disk->copy = NULL;
  sim_disk_open(w, disk);
}

void sim_disk_keep(sim_world *w, sim_disk *disk) {
  lrm_store_memory_config config = config_of(disk);
  lrm_store_close(disk->copy);
  SIM_MUST(w, lrm_store_memory_copy(disk->store, &config, &disk->copy));
}

bool sim_disk_put_back(sim_world *w, sim_disk *disk) {
  (void)w;
  if (disk->copy == NULL) return false;
  lrm_store_close(disk->store);
  disk->store = disk->copy;
  disk->copy = NULL;
  disk->phase = SIM_DISK_IDLE;
  disk->batch = NULL;
  return true;
}

void sim_disk_clone(sim_world *w, const sim_disk *from, sim_disk *to) {
  lrm_store_memory_config config = config_of(to);
  SIM_MUST(w, lrm_store_memory_copy(from->store, &config, &to->store));
  to->phase = SIM_DISK_IDLE;
  to->batch = NULL;
}
