// NF4 on the device (QLoRA: Dettmers et al. 2023, arXiv 2305.14314, §3). The CPU twin is src/quant/block.rs.
//
//   weight W (out, in), row by row; number i has code c_i, two to a byte, the first in the high half
//   W_i = table[c_i] * scale(i / block)
//   scale(b) = absmax[b]                                     plain
//            = map[coded[b]] * coarse[b / 256] + offset      double quantisation
//
// The products read codes and never write the dense weight: four bits a number cross the bus instead of thirty-two.
// No header is needed, so that NVRTC compiles this on a machine that has a driver and nothing else.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

#define WARP 32
#define FULL 0xffffffffu
// Scales that share one constant of the second level.
#define COARSE 256

// The scales of all blocks; absmax is null when they are in eight bits.
struct Scales {
    const float *absmax;
    const u8 *coded;
    const float *map;
    const float *coarse;
    float offset;
};

__device__ float scale_of(const Scales s, size_t block) {
    if (s.absmax) return s.absmax[block];
    return s.map[s.coded[block]] * s.coarse[block / COARSE] + s.offset;
}

__device__ u8 code_of(const u8 *packed, size_t i) {
    u8 pair = packed[i / 2];
    return i % 2 ? pair & 15 : pair >> 4;
}

// The nearest bfloat16, ties to even; what is not finite keeps its upper half.
__device__ u16 to_bf16(float x) {
    u32 bits = __float_as_uint(x);
    if ((bits & 0x7f800000u) == 0x7f800000u) return (bits >> 16) | ((bits & 0xffffu) && (bits & 0x7fffffu) ? 0x40u : 0u);
    return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

__device__ void put(float *out, size_t i, float x) { out[i] = x; }
__device__ void put(u16 *out, size_t i, float x) { out[i] = to_bf16(x); }

// A thread writes the two numbers of a byte.
template <typename T>
__device__ void dequantise(T *out, const u8 *packed, const float *table, const Scales s, size_t count, size_t block) {
    for (size_t byte = (size_t)blockIdx.x * blockDim.x + threadIdx.x; 2 * byte < count; byte += (size_t)gridDim.x * blockDim.x) {
        u8 pair = packed[byte];
        size_t i = 2 * byte;
        put(out, i, table[pair >> 4] * scale_of(s, i / block));
        if (i + 1 < count) put(out, i + 1, table[pair & 15] * scale_of(s, (i + 1) / block));
    }
}

#define SCALES const float *absmax, const u8 *coded, const float *map, const float *coarse, float offset
#define GATHERED Scales{absmax, coded, map, coarse, offset}

extern "C" __global__ void nf4_dequantise_f32(float *out, const u8 *packed, const float *table, SCALES, size_t count, size_t block) {
    dequantise(out, packed, table, GATHERED, count, block);
}

extern "C" __global__ void nf4_dequantise_bf16(u16 *out, const u8 *packed, const float *table, SCALES, size_t count, size_t block) {
    dequantise(out, packed, table, GATHERED, count, block);
}

// y[m] = W x[m]: a warp for each output, grid (out / warps, rows of x).
extern "C" __global__ void nf4_matvec(
    float *y, const float *x, const u8 *packed, const float *table, SCALES, size_t out, size_t in, size_t block
) {
    __shared__ float values[16];
    if (threadIdx.x < 16) values[threadIdx.x] = table[threadIdx.x];
    __syncthreads();
    size_t row = (size_t)blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP;
    int lane = threadIdx.x % WARP;
    const float *input = x + (size_t)blockIdx.y * in;
    Scales s = GATHERED;
    float sum = 0.0f;
    if (row < out) {
        size_t first = row * in, last = first + in;
        // From byte to byte; a row that begins or ends inside one leaves the other half alone.
        for (size_t byte = first / 2 + lane; 2 * byte < last; byte += WARP) {
            u8 pair = packed[byte];
            size_t i = 2 * byte;
            if (i >= first) sum += values[pair >> 4] * scale_of(s, i / block) * input[i - first];
            if (i + 1 < last && i + 1 >= first) sum += values[pair & 15] * scale_of(s, (i + 1) / block) * input[i + 1 - first];
        }
    }
    for (int step = WARP / 2; step > 0; step /= 2) sum += __shfl_down_sync(FULL, sum, step);
    if (row < out && lane == 0) y[(size_t)blockIdx.y * out + row] = sum;
}

// The backward pass of a frozen linear layer, dx[m] = Wᵀ dy[m]: a thread for each input, grid (in / threads, rows of dy).
extern "C" __global__ void nf4_matvec_transposed(
    float *dx, const float *dy, const u8 *packed, const float *table, SCALES, size_t out, size_t in, size_t block
) {
    __shared__ float values[16];
    if (threadIdx.x < 16) values[threadIdx.x] = table[threadIdx.x];
    __syncthreads();
    size_t column = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= in) return;
    const float *grad = dy + (size_t)blockIdx.y * out;
    Scales s = GATHERED;
    float sum = 0.0f;
    for (size_t row = 0; row < out; row++) {
        size_t i = row * in + column;
        sum += values[code_of(packed, i)] * scale_of(s, i / block) * grad[row];
    }
    dx[(size_t)blockIdx.y * in + column] = sum;
}
