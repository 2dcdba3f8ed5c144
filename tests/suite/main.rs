//! What the program and the library promise, tried from outside. One program, so that tests share
//! what they render and no core waits for another file's slowest.

mod alignment;
mod browser;
mod check;
mod cli;
mod colour;
mod common;
mod comparability;
mod hostile;
mod html;
mod layers;
mod lesions;
mod report;
mod resume;
mod robustness;
mod skin;
mod structures;
mod study;
mod treatments;
mod verdicts;
