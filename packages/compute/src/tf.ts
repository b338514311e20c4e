/** The one door to TensorFlow.js: every other package takes `tf` from here. */
export * as tf from '@tensorflow/tfjs';
