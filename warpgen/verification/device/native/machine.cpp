// Runs a grid of CUDA threads on one core: a thread is a fiber, which goes on until it waits for others or ends.
//
// Blocks run one after another. What one thread may know of another goes through `join`: barriers, shuffles, votes.
// In which order threads go on is the launch's to say; a right program gives the same in all orders.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

extern "C" void* memset(void*, int, unsigned long);

struct Dim {
    u32 x, y, z;
};

// What a watch over memory asks: who goes on, of the whole grid, and within how many atomic functions.
struct Watched {
    u64 thread, depth;
};

extern "C" {
Dim threadIdx, blockIdx, blockDim, gridDim; // of the thread that goes on
char* wg_dynamic; // dynamic shared memory, which ends where a page begins that traps
int wg_armed = 1; // whether range checks trap
Watched wg_nobody;
Watched* wg_watched = &wg_nobody;
}

namespace {

constexpr u32 MOST = 1024, LANES = 32;
constexpr u64 COLOUR = 1088; // stacks a power of two apart would share the sets of caches

// What a thread waits for. Kinds from SYNC on are of lanes that a mask names.
enum Kind { BLOCK, ACTIVE, SYNC, INDEX, UP, DOWN, XOR, BALLOT, MATCH, ADD, LEAST, MOST_OF, AND, OR, EITHER };
enum State : u8 { FRESH, READY, WAITS, DONE };

struct Thread {
    void* stack; // its top while the thread is off
    State state;
    int home; // the stack that it has, -1 while it has none
    Kind kind; // what it waits for, from where, with whom, and what it brings
    const void* place;
    u32 mask, argument, width;
    u64 value;
    u64 result;
    u64 depth; // of the watched, while the thread is off
};

// A place of shared memory that is not dynamic.
struct Region {
    char* start;
    u64 size;
};

typedef void (*Entry)(void**);

Thread threads[MOST];
int spare[MOST], spares; // stacks that nobody has
u32 count, live, waiting; // threads of the block, those that have not ended, those at its barrier
u32 now;
u64 block_now; // its number in the grid
u64 collectives, spins;
bool yielded; // the thread that went on did so of itself, waiting for a value
bool abreast; // a thread that is about to store lets the others of its block come as far
void* scheduler; // its stack while a thread goes on
Entry kernel;
void** arguments;
char* stacks;
u64 stack_size;
const char* fault;

// Saves what a function must, swaps stacks, restores: `push rbp, rbx, r12-r15; mov [rdi], rsp; mov rsp, rsi; pop ...`.
// Warp's clang takes no assembly, and what is only read may be executed (native/object_file.py).
extern "C" const u8 wg_switch_code[] = { 0x55, 0x53, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57, 0x48, 0x89, 0x27,
                                         0x48, 0x89, 0xF4, 0x41, 0x5F, 0x41, 0x5E, 0x41, 0x5D, 0x41, 0x5C, 0x5B, 0x5D,
                                         0xC3 };

void change(void** from, void* to) { ((void (*)(void**, void*))(const void*)wg_switch_code)(from, to); }

void leave() { change(&threads[now].stack, scheduler); }

void settle_block();
void settle_warp(u32 warp);

void begin()
{
    kernel(arguments);
    threads[now].state = DONE;
    live--;
    settle_block(); // those who wait, wait for one less
    settle_warp(now / LANES);
    leave();
}

void go_on(u32 t)
{
    Thread& thread = threads[t];
    if (thread.state == FRESH) {
        thread.home = spare[--spares];
        u64 top = (u64)stacks + stack_size * (u64)(thread.home + 1) - (thread.home & 63) * COLOUR;
        void** stack = (void**)(top & ~15ull);
        *--stack = 0; // where `begin` would return to
        *--stack = (void*)begin;
        for (int i = 0; i < 6; i++)
            *--stack = 0;
        thread.stack = stack;
        thread.state = READY;
        thread.depth = 0;
    }
    now = t;
    wg_watched->thread = block_now * count + t;
    wg_watched->depth = thread.depth;
    threadIdx.x = t % blockDim.x;
    threadIdx.y = t / blockDim.x % blockDim.y;
    threadIdx.z = t / (blockDim.x * blockDim.y);
    spins = 0, yielded = false;
    change(&scheduler, thread.stack);
    thread.depth = wg_watched->depth;
    if (thread.state == DONE)
        spare[spares++] = thread.home;
}

// The barrier opens when all threads that have not ended wait at it.
void settle_block()
{
    if (!waiting || waiting < live)
        return;
    const void* place = 0;
    for (u32 t = 0; t < count; t++) {
        Thread& thread = threads[t];
        if (thread.state != WAITS)
            continue;
        if (place && thread.place != place)
            fault = "the threads of a block wait at different barriers";
        place = thread.place;
    }
    u64 found[3] = { 0, 1, 0 }; // of what the threads bring: how many are true, whether all are, whether any is
    for (u32 t = 0; t < count; t++)
        if (threads[t].state == WAITS) {
            bool yes = threads[t].value;
            found[0] += yes, found[1] &= yes, found[2] |= yes;
        }
    for (u32 t = 0; t < count; t++)
        if (threads[t].state == WAITS) {
            threads[t].result = found[threads[t].argument];
            threads[t].state = READY;
        }
    waiting = 0;
}

u64 combine(Kind kind, u64 a, u64 b, bool is_signed)
{
    switch (kind) {
    case ADD:
        return (u32)(a + b);
    case LEAST:
        return is_signed ? ((int)a < (int)b ? a : b) : (a < b ? a : b);
    case MOST_OF:
        return is_signed ? ((int)a > (int)b ? a : b) : (a > b ? a : b);
    case AND:
        return a & b;
    case OR:
        return a | b;
    default:
        return a ^ b;
    }
}

// What nobody could mistake for right, as a float or as an integer.
constexpr u64 JUNK = 0xFFFBADBAFFBADBADull;

u64 shuffled(const Thread* warp, u32 lane, u32 there)
{
    const Thread& thread = warp[lane];
    u32 width = thread.width, first = lane & ~(width - 1), b = thread.argument;
    long long from = lane;
    if (thread.kind == INDEX)
        from = first + (b & (width - 1));
    else if (thread.kind == UP)
        from = (long long)lane - b < first ? lane : lane - b;
    else if (thread.kind == DOWN)
        from = (u64)lane + b > first + width - 1 ? lane : lane + b;
    else
        from = (lane ^ b) > first + width - 1 ? lane : lane ^ b;
    return there >> from & 1 ? warp[from].value : JUNK;
}

u64 outcome(const Thread* warp, u32 lane, u32 there)
{
    const Thread& mine = warp[lane];
    if (mine.kind == SYNC)
        return 0;
    if (mine.kind <= XOR)
        return shuffled(warp, lane, there);
    if (mine.kind == MATCH || mine.kind == BALLOT) {
        u64 made = 0;
        for (u32 i = 0; i < LANES; i++)
            if (there >> i & 1)
                made |= (u64)(mine.kind == BALLOT ? warp[i].value != 0 : warp[i].value == mine.value) << i;
        return made;
    }
    u32 i = (u32)__builtin_ctz(there);
    u64 made = warp[i].value;
    while (++i < LANES)
        if (there >> i & 1)
            made = combine(mine.kind, made, warp[i].value, mine.argument);
    return made;
}

u32 size_of(u32 warp) { return count - warp * LANES < LANES ? count - warp * LANES : LANES; }

// A collective that a lane waits for completes when all lanes of its mask that have not ended do, with that mask.
void settle_lane(Thread* warp, u32 size, u32 lane)
{
    u32 there = 0, mask = warp[lane].mask;
    for (u32 j = 0; j < size; j++) {
        if (!(mask >> j & 1) || warp[j].state == DONE)
            continue;
        if (warp[j].state != WAITS || warp[j].kind != warp[lane].kind || warp[j].mask != mask)
            return;
        there |= 1u << j;
    }
    u64 results[LANES];
    for (u32 j = 0; j < size; j++)
        if (there >> j & 1)
            results[j] = outcome(warp, j, there);
    for (u32 j = 0; j < size; j++)
        if (there >> j & 1) {
            warp[j].result = results[j];
            warp[j].state = READY;
        }
}

// One lane fewer will come: who waited for it need not any more.
void settle_warp(u32 number)
{
    Thread* warp = threads + number * LANES;
    u32 size = size_of(number);
    for (u32 i = 0; i < size; i++)
        if (warp[i].state == WAITS && warp[i].kind >= SYNC)
            settle_lane(warp, size, i);
}

// Lanes that ask who is active get each other, those at the same place; true if some did.
bool settle_active(u32 number)
{
    Thread* warp = threads + number * LANES;
    u32 size = size_of(number);
    const void* place = 0;
    u32 there = 0;
    for (u32 i = 0; i < size; i++)
        if (warp[i].state == WAITS && warp[i].kind == ACTIVE && (!place || warp[i].place == place)) {
            place = warp[i].place;
            there |= 1u << i;
        }
    for (u32 i = 0; i < size; i++)
        if (there >> i & 1) {
            warp[i].result = there;
            warp[i].state = READY;
        }
    return there;
}

// Orders: bit 0, from the last to the first; bit 1, each warp runs ahead, and warps and blocks begin in the middle.
u32 turned(u32 i, u32 n, u32 order)
{
    if (order & 2)
        i = (i + n / 2) % n;
    return order & 1 ? n - 1 - i : i;
}

bool run_warp(u32 warp, u32 order, bool ahead)
{
    u32 size = size_of(warp);
    bool moved = false, again = true;
    while (again && !fault) {
        again = false;
        for (u32 i = 0; i < size && !fault; i++) {
            u32 t = warp * LANES + turned(i, size, order & 1);
            if (threads[t].state != FRESH && threads[t].state != READY)
                continue;
            go_on(t);
            moved = true;
            again |= !yielded;
        }
        again = (again && ahead) || (!again && settle_active(warp));
    }
    return moved;
}

void run_block(u32 order)
{
    u32 warps = (count + LANES - 1) / LANES;
    live = count, waiting = 0, spares = 0, abreast = order == 1;
    for (u32 t = 0; t < count; t++) {
        threads[t].state = FRESH;
        spare[spares++] = count - 1 - t;
    }
    while (live && !fault) {
        bool moved = false;
        for (u32 i = 0; i < warps && !fault; i++)
            moved |= run_warp(turned(i, warps, order), order, order & 2);
        if (!moved && !fault)
            fault = "the threads of a block wait for each other for ever";
    }
}

u64 wait(Kind kind, const void* place, u32 mask, u64 value, u32 argument, u32 width)
{
    Thread& thread = threads[now];
    thread.kind = kind, thread.place = place, thread.mask = mask;
    thread.value = value, thread.argument = argument, thread.width = width;
    thread.state = WAITS;
    collectives++;
    u32 lane = now % LANES;
    if (kind == BLOCK) {
        waiting++;
        settle_block();
    } else if (kind != ACTIVE) {
        if (!(mask >> lane & 1))
            fault = "a thread calls a function of its warp with a mask that leaves it out";
        if (kind >= INDEX && kind <= XOR && (width == 0 || width > LANES || width & (width - 1)))
            fault = "a shuffle has a width that is no power of two up to 32";
        settle_lane(threads + now / LANES * LANES, size_of(now / LANES), lane);
    }
    leave();
    return thread.result;
}

} // namespace

extern "C" {

void __syncthreads() { wait(BLOCK, __builtin_return_address(0), 0, 0, 0, 0); }
int __syncthreads_count(int yes) { return (int)wait(BLOCK, __builtin_return_address(0), 0, yes != 0, 0, 0); }
int __syncthreads_and(int yes) { return (int)wait(BLOCK, __builtin_return_address(0), 0, yes != 0, 1, 0); }
int __syncthreads_or(int yes) { return (int)wait(BLOCK, __builtin_return_address(0), 0, yes != 0, 2, 0); }
u32 __activemask() { return (u32)wait(ACTIVE, __builtin_return_address(0), 0, 0, 0, 0); }
u64 wg_join(int kind, u32 mask, u64 value, u32 argument, u32 width)
{
    return wait((Kind)kind, 0, mask, value, argument, width);
}

// Who tries again and again waits for another thread: let it go on.
void wg_spin()
{
    if (++spins % 256 == 0) {
        yielded = true;
        leave();
    }
}

// Before a store of Warp's: what a thread has read by now, others have read as well before anyone changes it.
void wg_store()
{
    if (abreast)
        leave();
}

// Ends the launch for what is not modelled, or not allowed.
void wg_fail(const char* why)
{
    fault = why;
    leave();
}

// Ends it where a vector does not lie as its type says: a GPU reads it at once, and stops.
void wg_hold(const void* place, u64 alignment)
{
    if ((u64)place % alignment)
        wg_fail("a vector is read or written at an address that is no multiple of its size");
}

// A launch in one of four orders. Returns what went wrong, null if nothing did; `joined` counts meetings of threads.
const char* wg_launch(Entry entry, void** args, const u32* grid, const u32* block, u32 order, int poison,
                      const Region* regions, u32 region_count, char* dynamic, u64 dynamic_size, char* stack_memory,
                      u64 size_of_stack, u64* joined)
{
    kernel = entry, arguments = args, stacks = stack_memory, stack_size = size_of_stack;
    gridDim = Dim { grid[0], grid[1], grid[2] };
    blockDim = Dim { block[0], block[1], block[2] };
    count = block[0] * block[1] * block[2];
    fault = 0, collectives = 0, wg_dynamic = dynamic;
    u64 blocks = (u64)grid[0] * grid[1] * grid[2];
    for (u64 i = 0; i < blocks && !fault; i++) {
        u64 b = order & 2 ? (i + blocks / 2) % blocks : i;
        b = order & 1 ? blocks - 1 - b : b;
        block_now = b;
        blockIdx = Dim { (u32)(b % grid[0]), (u32)(b / grid[0] % grid[1]), (u32)(b / grid[0] / grid[1]) };
        for (u32 r = 0; r < region_count; r++)
            memset(regions[r].start, poison, regions[r].size);
        memset(dynamic, poison, dynamic_size);
        run_block(order);
    }
    *joined = collectives;
    return fault;
}

} // extern "C"
