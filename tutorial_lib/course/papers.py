"""The papers that the course teaches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper as it is cited: `authors` in full for three or fewer, else the first "et al."."""

    id: str
    title: str
    authors: str
    year: int
    link: str


PAPERS = {p.id: p for p in (
    Paper("jordan-vae", "Variational autoencoders", "Jeremy Jordan", 2018,
          "https://www.jeremyjordan.me/variational-autoencoders/"),
    Paper("aevb", "Auto-Encoding Variational Bayes", "Diederik P. Kingma, Max Welling", 2014,
          "https://arxiv.org/abs/1312.6114"),
    Paper("koopman-vae", "Generative Modeling of Regular and Irregular Time Series Data via Koopman VAEs",
          "Ilan Naiman et al.", 2024,
          "https://arxiv.org/abs/2310.02619"),
    Paper("pv-rnn", "A Novel Predictive-Coding-Inspired Variational RNN Model for Online Prediction and Recognition",
          "Ahmadreza Ahmadi, Jun Tani", 2019, "https://arxiv.org/abs/1811.01339"),
    Paper("gaussian-perturbations", "Learning latent variable structured prediction models with Gaussian perturbations",
          "Kevin Bello, Jean Honorio", 2018, "https://arxiv.org/abs/1805.09213"),
    Paper("sectar", "Self-Consistent Trajectory Autoencoder: Hierarchical Reinforcement Learning with Trajectory "
          "Embeddings", "John D. Co-Reyes et al.", 2018, "https://arxiv.org/abs/1806.02813"),
    Paper("fs-rnn", "Fast-Slow Recurrent Neural Networks", "Asier Mujika, Florian Meier, Angelika Steger", 2017,
          "https://arxiv.org/abs/1705.08639"),
    Paper("music-vae", "A Hierarchical Latent Vector Model for Learning Long-Term Structure in Music",
          "Adam Roberts et al.", 2018, "https://arxiv.org/abs/1803.05428"),
    Paper("local-losses", "Decoupling Hierarchical Recurrent Neural Networks With Locally Computable Losses",
          "Asier Mujika, Felix Weissenberger, Angelika Steger", 2019, "https://arxiv.org/abs/1910.05245"),
    Paper("ntk", "Neural Tangent Kernel: Convergence and Generalization in Neural Networks",
          "Arthur Jacot, Franck Gabriel, Clément Hongler", 2018, "https://arxiv.org/abs/1806.07572"),
    Paper("grokking", "Grokking as the Transition from Lazy to Rich Training Dynamics", "Tanishq Kumar et al.", 2024,
          "https://arxiv.org/abs/2310.06110"),
    Paper("connectivity-rank", "How connectivity structure shapes rich and lazy learning in neural circuits",
          "Yuhan Helena Liu et al.", 2024, "https://arxiv.org/abs/2310.08513"),
    Paper("manifold-clustering", "Unsupervised Manifold Linearizing and Clustering", "Tianjiao Ding et al.", 2023,
          "https://arxiv.org/abs/2301.01805"),
    Paper("representation-geometry", "Task structure and nonlinearity jointly determine learned representational "
          "geometry", "Matteo Alleman, Jack W. Lindsey, Stefano Fusi", 2024, "https://arxiv.org/abs/2401.13558"),
    Paper("dynamical-stability", "The Implicit Regularization of Dynamical Stability in Stochastic Gradient Descent",
          "Lei Wu, Weijie J. Su", 2023, "https://arxiv.org/abs/2305.17490"),
    Paper("intrinsic-dimension", "Measuring the Intrinsic Dimension of Objective Landscapes",
          "Chunyuan Li et al.", 2018, "https://arxiv.org/abs/1804.08838"),
    Paper("hippo", "How to Train Your HiPPO: State Space Models with Generalized Orthogonal Basis Projections",
          "Albert Gu et al.", 2023, "https://arxiv.org/abs/2206.12037"),
    Paper("ptd", "Robustifying State-space Models for Long Sequences via Approximate Diagonalization",
          "Annan Yu et al.", 2024, "https://arxiv.org/abs/2310.01698"),
    Paper("dsf", "Understanding the differences in Foundation Models: Attention, State Space Models, and Recurrent "
          "Neural Networks", "Jerome Sieber et al.", 2024, "https://arxiv.org/abs/2405.15731"),
    Paper("online-lru", "Online learning of long-range dependencies", "Nicolas Zucchet et al.", 2023,
          "https://arxiv.org/abs/2305.15947"),
    Paper("hred", "Hierarchical Attention Encoder Decoder", "Asier Mujika", 2023, "https://arxiv.org/abs/2306.01070"),
    Paper("mamba-lyapunov", "Mamba State-Space Models Are Lyapunov-Stable Learners",
          "John T. Halloran, Manbir Gulati, Paul F. Roysdon", 2024, "https://arxiv.org/abs/2406.00209"),
)}
