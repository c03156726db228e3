// Enough of CUDA for a host compiler: a block's threads are threads, run block after block, with real barriers; so ThreadSanitizer sees
// a missing __syncthreads as the data race that it is. Shared memory is static, in a section of its own: one block is alive at a time, and
// each finds all of it filled with NaN, so that what no thread of the block wrote shows in whatever is made of it.
#pragma once
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};

inline thread_local dim3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

#define __global__
#define __device__
#define __shared__ static __attribute__((section("shared_memory")))

// Where that section lies, by the linker.
extern "C" char __start_shared_memory[], __stop_shared_memory[];

// AddressSanitizer's guards between shared arrays lie in the section as well; only here they are written to.
__attribute__((no_sanitize("address"), noinline)) inline void forget_shared_memory() {
    for (volatile char *byte = __start_shared_memory; byte < __stop_shared_memory; byte++) *byte = (char)0xff;
}

// A thread that has left counts as arrived at every later barrier, as on the device since Volta.
inline std::unique_ptr<std::barrier<>> block_barrier;
inline void __syncthreads() { block_barrier->arrive_and_wait(); }

struct Warp {
    std::barrier<> all{32};
    float lanes[32];
};
inline std::vector<std::unique_ptr<Warp>> warps;

inline float __shfl_down_sync(unsigned, float value, int step) {
    Warp &warp = *warps[threadIdx.x / 32];
    unsigned lane = threadIdx.x % 32;
    warp.lanes[lane] = value;
    warp.all.arrive_and_wait();
    float other = lane + step < 32 ? warp.lanes[lane + step] : value;
    warp.all.arrive_and_wait();
    return other;
}

inline uint32_t __float_as_uint(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    return bits;
}

inline float __uint_as_float(uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}

// kernel<<<grid, threads>>>(arguments); threads is a multiple of 32.
template <typename Kernel, typename... Args> void launch(Kernel kernel, dim3 grid, unsigned threads, Args... args) {
    gridDim = grid;
    blockDim = dim3{threads};
    for (unsigned y = 0; y < grid.y; y++)
        for (unsigned x = 0; x < grid.x; x++) {
            forget_shared_memory();
            block_barrier = std::make_unique<std::barrier<>>(threads);
            warps.clear();
            for (unsigned w = 0; w < threads / 32; w++) warps.push_back(std::make_unique<Warp>());
            std::vector<std::thread> crew;
            for (unsigned t = 0; t < threads; t++)
                crew.emplace_back([=] {
                    threadIdx = dim3{t};
                    blockIdx = dim3{x, y};
                    kernel(args...);
                    block_barrier->arrive_and_drop();
                });
            for (auto &thread : crew) thread.join();
        }
}
