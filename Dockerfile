# fgmix on GPUs: TensorFlow's image has CUDA. Linted, and untried: there was no Docker to try it with.
#
#   docker build --tag fgmix .
#   docker run --rm --gpus all --volume "$PWD:/work" fgmix train --dataset photos/
#
# What is to outlast the container lies in /work: photos, runs, and the TFDS folder.
FROM tensorflow/tensorflow:2.20.0-gpu

COPY pyproject.toml requirements.txt MANIFEST.in README.md LICENSE /fgmix/
COPY fgmix /fgmix/fgmix
RUN python3 -m pip install --no-cache-dir /fgmix && rm -r /fgmix

ENV TFDS_DATA_DIR=/work/tensorflow_datasets
WORKDIR /work
ENTRYPOINT ["fgmix"]
CMD ["--help"]
