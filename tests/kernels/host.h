// Enough of CUDA for a host compiler: a block's threads are threads, run block after block, with real barriers; so ThreadSanitizer sees
// a missing __syncthreads as the data race that it is. Shared memory is a static: one block is alive at a time.
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
#define __shared__ static

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

// kernel<<<grid, threads>>>(arguments); threads is a multiple of 32.
template <typename Kernel, typename... Args> void launch(Kernel kernel, dim3 grid, unsigned threads, Args... args) {
    gridDim = grid;
    blockDim = dim3{threads};
    for (unsigned y = 0; y < grid.y; y++)
        for (unsigned x = 0; x < grid.x; x++) {
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
